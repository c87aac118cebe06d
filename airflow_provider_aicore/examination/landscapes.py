"""Which landscape a URL is of, by its host name.

Sources: the servers in AI Core's description, most of whose names hold the landscape; for the others, SAP
BTP's list of regions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from airflow_provider_aicore.api import ServiceKey

_TOKEN_HOST = re.compile(r"\.authentication\.(?:cert\.)?([a-z]{2}\d{2})(?:-\d+)?\.hana\.ondemand\.com$")
_API_HOST = re.compile(
    r"^api\.ai\.(prod[a-z]*)(?:-([a-z]{2}\d{2}))?\.([a-z0-9-]+)\.[a-z]+\.ml\.hana\.ondemand\.com$"
)
_UNNAMED = {
    ("prod", "eu-central-1"): "eu10",
    ("prodeuonly", "eu-central-1"): "eu11",
    ("prod", "us-east-1"): "us10",
    ("prod", "ap-northeast-1"): "jp10",
    ("prod", "ap-southeast-2"): "ap10",
}


def mismatch(key: ServiceKey) -> str:
    """Say of which landscapes the two URLs of a key are, if they are known and differ; else nothing."""
    api, token = _of_api(key.api_url), _of_token(key.token_url)
    if api is None or token is None or api == token:
        return ""
    return (
        f"The token URL is of landscape {token} and the AI API URL of {api}: they are of two service keys. "
        "Take all fields from one."
    )


def _of_api(url: str) -> str | None:
    found = _API_HOST.search(httpx.URL(url).host)
    return found and (found[2] or _UNNAMED.get((found[1], found[3])))


def _of_token(url: str) -> str | None:
    found = _TOKEN_HOST.search(httpx.URL(url).host)
    return found and found[1]
