"""From an HTTP request to the operation and back: token, resource group, error bodies, headers."""

import functools
import logging
import uuid
from email.utils import formatdate
from typing import Any

import httpx

from airflow_provider_aicore.emulator import schedules
from airflow_provider_aicore.emulator.exchange import ApiRequest, Reply
from airflow_provider_aicore.emulator.identity import TOKEN_PATH, Identity
from airflow_provider_aicore.emulator.object_store import ObjectStore
from airflow_provider_aicore.emulator.queries import Query
from airflow_provider_aicore.emulator.refusals import GatewayRefusal, Refusal, access_denied
from airflow_provider_aicore.emulator.routes import table
from airflow_provider_aicore.emulator.routes.route import Route
from airflow_provider_aicore.emulator.state import ResourceGroup, Tenant
from airflow_provider_aicore.emulator.variations import Variations

AREAS = ("/v2/lm/", "/v2/admin/")
_ARRAY_DETAILS = ("/v2/lm/metrics", "/v2/lm/dataset/")
_LOG = logging.getLogger(__name__)


class Gateway:
    """Answers every request that reaches the emulator.

    :param tenant: the state; its lock is held while an operation runs.
    :param identity: knows the tokens.
    :param url: of AI Core, without ``/v2``.
    :param store: the files behind artifacts.
    :param date_skew: seconds by which the header ``Date`` is ahead of the clock.
    """

    def __init__(
        self, tenant: Tenant, identity: Identity, url: str, store: ObjectStore, date_skew: float = 0.0
    ) -> None:
        self._store = store
        self._tenant = tenant
        self._identity = identity
        self._url = url
        self._variations = Variations(tenant.options)
        self._date_skew = date_skew

    def date(self) -> str:
        """Give the value of the header ``Date``."""
        return _http_date(int(self._tenant.now() + self._date_skew))

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer *request* the way AI Core, its gateway or its identity service does."""
        request_id = str(uuid.uuid4())
        try:
            response = self._route(request, request_id)
        except GatewayRefusal as refusal:
            headers = {"content-type": "text/plain"}
            response = httpx.Response(refusal.status, content=refusal.text.encode(), headers=headers)
        except Refusal as refusal:
            response = httpx.Response(refusal.status, json=_error_body(refusal, request_id, request.url.path))
        except Exception:  # noqa: BLE001 - a client has to get the error body, whatever broke
            _LOG.exception("The emulator failed at %s %s", request.method, request.url.path)
            failure = Refusal(500, "The emulator failed; its log says why")
            response = httpx.Response(500, json=_error_body(failure, request_id, request.url.path))
        response.headers["date"] = self.date()
        response.headers["x-request-id"] = request_id
        return response

    def _route(self, request: httpx.Request, request_id: str) -> httpx.Response:
        path = request.url.path
        if path == TOKEN_PATH:
            return self._identity.answer(request)
        if path == table.TRACKING.path:
            if request.method != table.TRACKING.method:
                raise Refusal(405, f"{request.method} is not allowed on {path}")
            return self._carry_out(request, table.TRACKING, {}, request_id)
        self._identity.check(request.headers.get("authorization"))
        if not path.startswith(AREAS):
            raise Refusal(404, f"There is nothing at {path}; the API is below {' and '.join(AREAS)}")
        route, path_ids = table.find(request.method, path.removeprefix("/v2"))
        return self._carry_out(request, route, path_ids, request_id)

    def _carry_out(
        self, request: httpx.Request, route: Route, path_ids: dict[str, str], request_id: str
    ) -> httpx.Response:
        with self._tenant.lock:
            now = self._tenant.now()
            schedules.advance(self._tenant, now)
            reply = route.operation(
                ApiRequest(
                    tenant=self._tenant,
                    group=self._group(request, route),
                    path_ids=path_ids,
                    query=Query(dict(request.url.params)),
                    now=now,
                    store=self._store,
                    content_type=request.headers.get("content-type", ""),
                    content=request.content,
                    base_url=self._url,
                    request_id=request_id,
                    headers=request.headers,
                )
            )
        return self._response(reply, request)

    def _group(self, request: httpx.Request, route: Route) -> ResourceGroup:
        # AI Core is said to take "default" for a missing header on some calls; the description requires it.
        is_required, headers = route.resource_group == "required", request.headers
        group_id = headers.get("ai-resource-group", "" if is_required else "default")
        names_all = group_id == "*" and headers.get("ai-tenant-scope", "").lower() == "true"
        if route.resource_group == "ignored" or (names_all and not is_required):
            group_id = "default"
        group = self._tenant.groups.get(group_id)
        if group is None or not group.is_provisioned(self._tenant.now()):
            raise access_denied()
        return group

    def _response(self, reply: Reply, request: httpx.Request) -> httpx.Response:
        if reply.text is not None:
            headers = {"content-type": "text/plain"}
            return httpx.Response(reply.status, content=reply.text.encode(), headers=headers)
        if reply.body is None:
            return httpx.Response(reply.status, content=reply.content, headers=reply.headers)
        headers = dict(reply.headers)
        if reply.location is not None:
            headers["location"] = f"{self._url}{request.url.path}/{reply.location}"
        return httpx.Response(reply.status, json=self._variations.vary(reply.body), headers=headers)


@functools.lru_cache(maxsize=1)
def _http_date(second: int) -> str:
    """Write a time out once for all answers of one second: to a quick client there are hundreds."""
    return formatdate(second, usegmt=True)


def _error_body(refusal: Refusal, request_id: str, path: str) -> dict[str, Any]:
    details: dict[str, Any] | list[Any] = [] if path.startswith(_ARRAY_DETAILS) else {}
    return {"error": refusal.error(request_id=request_id, target=path, details=details)}
