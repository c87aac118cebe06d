"""The identity service beside AI Core: service keys, tokens, and who may pass."""

import base64
import functools
import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import httpx

from airflow_provider_aicore.emulator.refusals import GatewayRefusal, access_denied

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path, no token
_HEADER = {"alg": "HS256", "typ": "JWT"}
_SCOPES = "aicore!b540.scenarios.executions.read aicore!b540.scenarios.executions.create"


class Identity:
    """Gives out tokens for one service key and recognises them again, also after a restart with the same key.

    :param url: of AI Core, without ``/v2``.
    :param now: the clock, seconds since the epoch.
    :param token_lifetime: seconds.
    :param service_key: credentials of an earlier emulator to use again; default: new ones.
    :param cert_url: where TLS has seen the client's certificate before a request comes here; default: a host
        of its own, if *url* has a host name.
    """

    def __init__(
        self,
        url: str,
        now: Callable[[], float],
        token_lifetime: float,
        service_key: Mapping[str, Any] | None = None,
        cert_url: str | None = None,
    ) -> None:
        self._now = now
        self._token_lifetime = token_lifetime
        self._url = _beside(url, "authentication")
        self._cert_url = cert_url or _beside(url, "cert.authentication")
        self.service_key = _service_key(url, self._url, service_key)
        """A service key with a client secret; it is a secret."""
        self._client_id: str = self.service_key["clientid"]
        self._client_secret: str = self.service_key["clientsecret"]
        urls = [_parsed(each) for each in (url, self._url, self._cert_url)]
        self.hosts = {each.host for each in urls}
        """The host names that lead to the emulator."""
        _, auth_origin, cert_origin = map(_origin, urls)
        self._origin_of_certificates = None if cert_origin == auth_origin else cert_origin

    def x509_service_key(self, certificate: str, private_key: str) -> dict[str, Any]:
        """Give the same key in its X.509 flavour.

        :param certificate: PEM; it is handed through, as in process there is no TLS that would look at it.
        :param private_key: PEM.
        """
        kept = {name: value for name, value in self.service_key.items() if name != "clientsecret"}
        return {
            **kept,
            "credential-type": "x509",
            "certificate": certificate,
            "key": private_key,
            "certurl": self._cert_url,
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a request for a token; refusals have a *text* in ``error``, unlike AI Core's."""
        if request.method != "POST":
            return _refusal(405, "method_not_allowed", f"Request method '{request.method}' is not supported")
        form = {
            name: values[0] for name, values in parse_qs(request.content.decode(errors="replace")).items()
        }
        if not self._knows(request, form):
            return _refusal(401, "unauthorized", "Bad credentials")
        if form.get("grant_type") != "client_credentials":
            return _refusal(400, "unsupported_grant_type", "Only client_credentials is supported")
        token_id = uuid.uuid4().hex
        body = {
            "access_token": self._token(token_id),
            "token_type": "bearer",
            "expires_in": int(self._token_lifetime),
            "scope": _SCOPES,
            "jti": token_id,
        }
        return httpx.Response(200, json=body, headers={"Cache-Control": "no-store"})

    def check(self, authorization: str | None) -> None:
        """Let a request pass that carries a good token.

        :param authorization: the header's value.
        :raises GatewayRefusal: in the gateway's own words.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise access_denied()
        claims, _, signature = token.rpartition(".")
        try:
            content = json.loads(_decode(claims.partition(".")[2]))
            issuer, expires = content["iss"], content["exp"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise GatewayRefusal(401, "Jwt verification fails") from error
        if issuer != f"{self._url}{TOKEN_PATH}":
            raise GatewayRefusal(401, "Jwt issuer is not configured")
        if not hmac.compare_digest(signature.encode(), self._signature(claims).encode()):
            raise GatewayRefusal(401, "Jwt verification fails")
        if self._now() >= expires:
            raise GatewayRefusal(401, "Jwt is expired")

    def _knows(self, request: httpx.Request, form: Mapping[str, str]) -> bool:
        client_id, client_secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, basic = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            client_id, _, client_secret = _decode(basic).partition(":")
        if not hmac.compare_digest(client_id.encode(), self._client_id.encode()):
            return False
        # The URL for certificates asks for no secret: there TLS has seen the certificate before.
        if _origin(request.url) == self._origin_of_certificates:
            return True
        return hmac.compare_digest(client_secret.encode(), self._client_secret.encode())

    def _token(self, token_id: str) -> str:
        content = {
            "jti": token_id,
            "iss": f"{self._url}{TOKEN_PATH}",
            "client_id": self._client_id,
            "iat": int(self._now()),
            "exp": self._now() + self._token_lifetime,
        }
        claims = f"{_encode(json.dumps(_HEADER))}.{_encode(json.dumps(content))}"
        return f"{claims}.{self._signature(claims)}"

    def _signature(self, claims: str) -> str:
        digest = hmac.new(self._client_secret.encode(), claims.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


_parsed = functools.cache(httpx.URL)
"""Takes half of what it takes to make an emulator, and those of a test run have the same URLs."""


def _origin(url: httpx.URL) -> tuple[str, int | None]:
    return url.host, url.port


def _beside(url: str, name: str) -> str:
    """Give the URL of a service beside *url*: a host name gets *name* in front, an address serves all."""
    host = _parsed(url).host
    is_name = "." in host and not host.replace(".", "").isdigit()
    return url.replace(host, f"{name}.{host}", 1) if is_name else url


def _service_key(url: str, auth_url: str, earlier: Mapping[str, Any] | None) -> dict[str, Any]:
    # "$" and "=" are in the secret on purpose: real ones have them, and they break in shells and in URIs.
    instance = uuid.uuid4()
    fresh: dict[str, Any] = {
        "appname": f"{instance}!b77089|aicore!b540",
        "clientid": f"sb-{instance}!b77089|aicore!b540",
        "clientsecret": f"{uuid.uuid4()}${secrets.token_urlsafe(32)}=",
        "identityzone": "emulator",
        "identityzoneid": str(uuid.uuid4()),
    }
    for name in ("clientid", "clientsecret"):
        if earlier is not None and not (isinstance(earlier.get(name), str) and earlier[name]):
            raise ValueError(f"The service key has no {name}: give one that the emulator printed, or none")
    return {**fresh, **(earlier or {}), "serviceurls": {"AI_API_URL": url}, "url": auth_url}


def _refusal(status: int, error: str, description: str) -> httpx.Response:
    return httpx.Response(status, json={"error": error, "error_description": description})


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(text: str) -> str:
    padded = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
    try:
        return base64.b64decode(padded).decode()
    except ValueError:
        return ""
