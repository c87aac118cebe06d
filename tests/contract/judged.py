"""A client of the emulator whose answers are judged by the description."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from airflow_provider_aicore.emulator.routes.table import find

if TYPE_CHECKING:
    from airflow_provider_aicore.emulator import Emulator


class Judged:
    """Talks to the emulator as any HTTP client would, with each answer judged.

    :param area: what the paths are below, after ``/v2``.
    """

    def __init__(self, emulator: Emulator, description, area: str = "/lm") -> None:
        self._emulator = emulator
        self._description = description
        key = emulator.service_key
        self._http = httpx.Client(transport=emulator.transport(), base_url=f"{emulator.url}/v2{area}")
        token = self._http.post(
            f"{key['url']}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(key["clientid"], key["clientsecret"]),
        )
        self._http.headers = {
            "Authorization": f"Bearer {token.json()['access_token']}",
            "AI-Resource-Group": "default",
        }
        self.succeeded: set[tuple[str, str]] = set()

    def __call__(self, method: str, path: str, status: int, **options) -> httpx.Response:
        response = self._http.request(method, path, **options)
        assert response.status_code == status, response.text
        self._description.check_response(
            response.request, response, nulls_count_as_absent=self._emulator.state.options.null_fields
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
