"""Who we are to AI Core: the service key, and the token that it is exchanged for."""

from __future__ import annotations

import functools
import ipaddress
import json
import os
import re
import ssl
import tempfile
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, quote_plus

import httpx

from airflow_provider_aicore.api.call import Call, Flow, once
from airflow_provider_aicore.api.errors import (
    AICoreError,
    APIStatusError,
    AuthenticationError,
    InvalidServiceKeyError,
    RateLimitedError,
    ServerError,
    unexpected_response,
)

if TYPE_CHECKING:
    from airflow_provider_aicore.api.retry import RetryPolicy

_RENEW_EARLY_AT_MOST = 300.0
_RENEW_EARLY_FRACTION = 0.1

_SECRET_FIELDS = ("serviceurls.AI_API_URL", "url", "clientid", "clientsecret")
_CERTIFICATE_FIELDS = ("serviceurls.AI_API_URL", "certurl", "clientid", "certificate", "key")

_PEM_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.+?)-----END \1-----", re.DOTALL)
_PEM_WIDTH = 64
_TOKEN = re.compile(r"[\x21-\x7e]+")

_WHERE_TO_GET_ONE = "Take the key whole from the BTP cockpit: instance of SAP AI Core, service keys."


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """The fields of an AI Core service key that are needed, checked and normalised.

    Either `client_secret` is set, or `certificate` and `private_key` are (X.509).

    :param api_url: AI Core's base URL, without ``/v2``.
    :param token_url: the identity service's token endpoint.
    :param certificate: PEM; may hold a chain.
    """

    api_url: str
    token_url: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    certificate: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, key: str | Mapping[str, Any]) -> Self:
        """Read a service key as the BTP cockpit or ``cf service-key`` shows it.

        :param key: the JSON text or the object in it.
        :raises InvalidServiceKeyError: it is no JSON object, lacks fields, which are named, or holds a secret
            as well as a certificate.
        """
        fields = _fields(key)
        urls = fields.get("serviceurls")
        urls = urls if isinstance(urls, Mapping) else {}
        # Keys from before 2022 carry ML_API_URL; no current document names it.
        return cls.of(
            {
                "serviceurls.AI_API_URL": urls.get("AI_API_URL") or urls.get("ML_API_URL"),
                "url": fields.get("url"),
                "certurl": fields.get("certurl"),
                "clientid": fields.get("clientid"),
                "clientsecret": fields.get("clientsecret"),
                "certificate": fields.get("certificate"),
                "key": fields.get("key"),
            }
        )

    @classmethod
    def of(cls, fields: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Self:
        """Make a key from single fields, named as in a service key (``serviceurls.AI_API_URL``, ``url``, …).

        :param names: what the caller calls a field, where it differs, for the messages.
        :raises InvalidServiceKeyError: fields are missing, which are named, or of two kinds.
        """
        names = names or {}
        given = {name: value for name, value in fields.items() if value}
        not_text = sorted(
            names.get(name, name) for name, value in given.items() if not isinstance(value, str)
        )
        if not_text:
            raise InvalidServiceKeyError(
                f"Service key: {', '.join(not_text)} must be text. {_WHERE_TO_GET_ONE}"
            )
        by_certificate = _uses_certificate(given, names)
        needed = _CERTIFICATE_FIELDS if by_certificate else _SECRET_FIELDS
        missing = [names.get(name, name) for name in needed if name not in given]
        if missing:
            raise InvalidServiceKeyError(f"Service key: missing {', '.join(missing)}. {_WHERE_TO_GET_ONE}")
        api_url, auth_url = needed[0], needed[1]
        return cls(
            api_url=_base_url(given[api_url], "/v2", names.get(api_url, api_url)),
            token_url=_base_url(given[auth_url], "/oauth/token", names.get(auth_url, auth_url))
            + "/oauth/token",
            client_id=given["clientid"],
            client_secret=None if by_certificate else given["clientsecret"],
            certificate=_pem(given, "certificate", names) if by_certificate else None,
            private_key=_pem(given, "key", names) if by_certificate else None,
        )

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a service key from a file, as a mounted secret gives it.

        :raises InvalidServiceKeyError: the file cannot be read or holds no service key.
        """
        if not isinstance(path, str | Path) or str(path).lstrip().startswith("{"):
            # Not shown: it is the key itself.
            raise InvalidServiceKeyError("Service key file: the path of a file is needed, not what is in it.")
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise InvalidServiceKeyError(
                f"Service key file {str(path)!r} cannot be read: {error.strerror or type(error).__name__}. "
                "Check the path and who may read it."
            ) from error
        except UnicodeDecodeError:
            # Without its cause, which holds the file's content.
            raise InvalidServiceKeyError(
                f"Service key file {str(path)!r} is no UTF-8 text. {_WHERE_TO_GET_ONE}"
            ) from None
        return cls.parse(text)

    def secrets(self) -> list[str]:
        """Return what must be shown nowhere."""
        return [secret for secret in (self.client_secret, self.private_key, self.certificate) if secret]

    def ssl_context(self) -> ssl.SSLContext:
        """Make the TLS settings of the token request, with the client certificate where the key has one.

        Python reads a certificate from files only, so it stands for a moment in a folder that nobody else can
        read.

        :raises InvalidServiceKeyError: certificate and private key do not fit each other or are damaged.
        """
        if not (self.certificate and self.private_key):
            return _plain_ssl_context()
        context = _ssl_context()
        with tempfile.TemporaryDirectory(prefix="aicore-") as folder:
            pem = Path(folder) / "client.pem"
            pem.touch(mode=0o600)
            pem.write_text(f"{self.certificate}\n{self.private_key}\n", encoding="ascii", errors="replace")
            try:
                context.load_cert_chain(pem)
            except (ssl.SSLError, OSError) as error:
                raise InvalidServiceKeyError(
                    "Service key: certificate and key cannot be used: "
                    f"{error.strerror or type(error).__name__}. "
                    "Check that both are PEM text of the same key, complete with their BEGIN and END lines."
                ) from error
        return context


def _ssl_context() -> ssl.SSLContext:
    try:
        context = httpx.create_ssl_context()
    except OSError as error:
        raise OSError(
            "The authorities' certificates cannot be read: "
            f"{error.strerror or type(error).__name__}. SSL_CERT_FILE is "
            f"{os.environ.get('SSL_CERT_FILE')!r}, SSL_CERT_DIR {os.environ.get('SSL_CERT_DIR')!r}."
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


_plain_ssl_context = functools.cache(_ssl_context)
"""Made once: reading the authorities' certificates takes longer than an event loop should stand still."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and when to fetch the next one, in seconds of the clock that was given."""

    value: str = field(repr=False)
    renew_at: float


def fetch_token(key: ServiceKey, retry: RetryPolicy, now: Callable[[], float]) -> Flow[Token]:
    """Exchange the service key for a token; the grant is repeatable.

    :raises AuthenticationError: the identity service refused.
    :raises AICoreError: as :func:`~.call.once`; whatever comes out holds no secret, whatever the answer said.
    """
    form = {"grant_type": "client_credentials", "client_id": key.client_id}
    if key.client_secret:
        form["client_secret"] = key.client_secret
    asked_at = now()
    call = Call("POST", key.token_url, _token_answer, form=form, repeatable=True, authorized=False)
    try:
        value, lifetime = yield from once(call, retry)
    except AICoreError as error:
        _scrub(error, key.secrets())
        if not isinstance(error, APIStatusError) or isinstance(error, ServerError | RateLimitedError):
            raise
        raise AuthenticationError(_refusal(key, error), request_id=error.request_id) from error
    early = min(_RENEW_EARLY_AT_MOST, lifetime * _RENEW_EARLY_FRACTION)
    return Token(value, renew_at=asked_at + lifetime - early)


def _refusal(key: ServiceKey, error: APIStatusError) -> str:
    kind = (
        "client secret"
        if key.client_secret
        else "certificate (it may have expired; its default life is 7 days)"
    )
    said = f": {error.server_message.rstrip('.')}" if error.server_message else ""
    request_id = f" Request id: {error.request_id}." if error.request_id else ""
    return (
        f"No token for client {key.client_id!r}: {error.method} {key.token_url} "
        f"was refused with {error.status_code}{said}.{request_id} "
        f"Check the client id and the {kind}; "
        "paste the whole service key to avoid characters lost on the way."
    )


def _token_answer(response: httpx.Response) -> tuple[str, float]:
    """Read the token and its life in seconds; the answer itself is never shown."""
    try:
        body = response.json()
        token, lifetime = body["access_token"], float(body["expires_in"])
        fits_a_header = _TOKEN.fullmatch(token) is not None
    except (ValueError, KeyError, TypeError):
        fits_a_header = False
    if not fits_a_header:
        hidden = httpx.Response(response.status_code, text="(not shown)", request=response.request)
        raise unexpected_response(hidden, "without access_token and expires_in as a JSON object")
    return str(token), lifetime


def _fields(key: str | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(key, str):
        try:
            # Not strict: line breaks that a PEM text should have as two characters may be real ones.
            key = json.loads(key, strict=False)
        except ValueError as error:
            where = (
                f"line {error.lineno}, column {error.colno}"
                if isinstance(error, json.JSONDecodeError)
                else "?"
            )
            # Without its cause, which holds the whole text.
            raise InvalidServiceKeyError(f"Service key: not JSON ({where}). {_WHERE_TO_GET_ONE}") from None
    if not isinstance(key, Mapping):
        raise InvalidServiceKeyError(
            f"Service key: a JSON object is needed, not {type(key).__name__}. {_WHERE_TO_GET_ONE}"
        )
    wrapped = key.get("credentials")  # what `cf service-key` prints around it
    return wrapped if isinstance(wrapped, Mapping) else key


def _uses_certificate(given: Mapping[str, str], names: Mapping[str, str]) -> bool:
    """Decide by the fields that are there: `credential-type` may be missing or say something else."""
    by_certificate = "certificate" in given or "key" in given
    if by_certificate and "clientsecret" in given:
        both = ", ".join(
            names.get(name, name) for name in ("clientsecret", "certificate", "key") if name in given
        )
        raise InvalidServiceKeyError(
            f"Service key: two kinds of credentials ({both}). "
            "Give the client secret, or certificate and key, not both."
        )
    return by_certificate


def _base_url(url: str, suffix: str, name: str) -> str:
    """Return the URL without the suffix that people tend to paste with it.

    Plain HTTP is for a local AI Core only: the secret would travel in clear.
    """
    try:
        parsed = httpx.URL(url.strip())
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise InvalidServiceKeyError(f"Service key: {name} is no https:// URL. {_WHERE_TO_GET_ONE}")
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise InvalidServiceKeyError(
            f"Service key: {name} must hold scheme, host and path only. {_WHERE_TO_GET_ONE}"
        )
    if parsed.scheme == "http" and not _is_loopback(parsed.host):
        raise InvalidServiceKeyError(
            f"Service key: {name} ({parsed.host}) must be https; only loopback may be http."
        )
    return str(parsed).rstrip("/").removesuffix(suffix).rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _pem(given: Mapping[str, str], name: str, names: Mapping[str, str]) -> str:
    """Return PEM text with its line breaks, which get lost on many ways.

    They become two characters in JSON within JSON and in the environment, and a form's field drops them.
    """
    blocks = _PEM_BLOCK.findall(given[name].replace("\\n", "\n"))
    if not blocks:
        shown = names.get(name, name)
        raise InvalidServiceKeyError(
            f"Service key: {shown} is no PEM text: it must go from -----BEGIN to -----END."
        )
    if any("ENCRYPTED" in kind or "ENCRYPTED" in body for kind, body in blocks):
        raise InvalidServiceKeyError(
            f"Service key: {names.get(name, name)} is encrypted, and nobody is there to give its passphrase. "
            "Give it unencrypted, as service keys hold it."
        )
    return "\n".join(
        f"-----BEGIN {kind}-----\n{textwrap.fill(''.join(body.split()), _PEM_WIDTH)}\n-----END {kind}-----"
        for kind, body in blocks
    )


def _scrub(error: AICoreError, secrets: list[str]) -> None:
    """Take the secrets out of an error, in the spellings in which an answer may repeat the request."""
    spellings = [
        spelling
        for secret in secrets
        for spelling in (secret, json.dumps(secret)[1:-1], quote(secret, safe=""), quote_plus(secret))
    ]

    def scrubbed(text: object) -> object:
        for spelling in spellings:
            text = text.replace(spelling, "***") if isinstance(text, str) else text
        return text

    error.args = tuple(scrubbed(part) for part in error.args)
    for name, value in list(vars(error).items()):
        setattr(error, name, scrubbed(value))
    if isinstance(error, APIStatusError):
        error.details = None  # Of any shape; the message has them as text.
