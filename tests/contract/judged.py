"""A client whose answers are judged by the description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aicore.emulator.routes.table import find

if TYPE_CHECKING:
    from collections.abc import Collection

    import httpx

    from tests.contract.targets import Target


class Judged:
    """Talks to AI Core as any HTTP client would, with each answer judged.

    :param http: a client of its own, which gets a token.
    :param area: what the paths are below, after ``/v2``.
    """

    def __init__(self, target: Target, http: httpx.Client, description, area: str = "/lm") -> None:
        self.target = target
        self._description = description
        self.http = http
        """The same client, for what is not judged."""
        key = target.service_key
        self.http.base_url = f"{key['serviceurls']['AI_API_URL']}/v2{area}"
        token = self.http.post(
            f"{key['url']}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(key["clientid"], key["clientsecret"]),
        )
        self.http.headers = {
            "Authorization": f"Bearer {token.raise_for_status().json()['access_token']}",
            "AI-Resource-Group": target.resource_group,
        }
        self.succeeded: set[tuple[str, str]] = set()

    def __call__(self, method: str, path: str, status: int | Collection[int], **options) -> httpx.Response:
        statuses = {status} if isinstance(status, int) else status
        response = self.http.request(method, path, **options)
        assert response.status_code in statuses, response.text
        self._description.check_response(
            response.request, response, nulls_count_as_absent=self.target.nulls_count_as_absent
        )
        if response.is_success:
            route, _ = find(method, response.request.url.path.removeprefix("/v2"))
            self.succeeded.add((route.method, route.path))
        return response

    def merge_patch(self, path: str, status: int, body) -> httpx.Response:
        """Send a body as the content type that bulk changes and metrics want."""
        return self(
            "PATCH", path, status, json=body, headers={"Content-Type": "application/merge-patch+json"}
        )
