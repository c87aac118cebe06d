"""What the things of an administrator are called, and what goes for all of them: labels, lists, quotas."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from airflow_provider_aicore.emulator import checks
from airflow_provider_aicore.emulator.administration import QUOTA
from airflow_provider_aicore.emulator.exchange import ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import Refusal, bad_request
from airflow_provider_aicore.emulator.render import Shape

RESOURCE_GROUP_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9.-]{1,251}[a-zA-Z0-9]")
OBJECT_STORE_NAME = re.compile(
    r"(?=.{1,233}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
)
# The description nests quantifiers: the same language, without its exponential time.
DOCKER_REGISTRY_NAME = re.compile(r"(?=.{2,63}$)(?!.*__)(?!.*_$)[a-z0-9][a-z0-9._-]*[a-z0-9]")
SECRET_NAME = re.compile(r"[a-z0-9.-]{1,252}")
REPOSITORY_NAME = re.compile(r"[a-z0-9-]{1,51}")
APPLICATION_NAME = re.compile(r"[a-z0-9-]{3,54}")
LABEL_KEY = re.compile(r"ext\.ai\.sap\.com/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")

PATH_IDS = {
    "resourceGroupId": RESOURCE_GROUP_ID,
    "objectStoreName": re.compile(r"[a-zA-Z0-9._-]+"),
    "dockerRegistryName": DOCKER_REGISTRY_NAME,
    "secretName": SECRET_NAME,
    "repositoryName": REPOSITORY_NAME,
    "applicationName": re.compile(r"[a-z0-9-]{3,63}"),
    "ServiceName": re.compile(r"[a-zA-Z0-9_-]{1,32}"),
}
"""What the names in a path have to match. Source: the description's parameters of the same names."""


def labels(body: Mapping[str, Any]) -> tuple[tuple[str, str], ...] | None:
    """Read the ``labels`` of a resource group or generic secret, whose keys are shorter than elsewhere."""
    items = checks.objects(body, "labels")
    if items is None:
        return None
    return tuple(
        (checks.text(item, "key", pattern=LABEL_KEY, longest=63), checks.text(item, "value", longest=5000))
        for item in items
    )


def listed(request: ApiRequest, items: Sequence[Shape]) -> Reply:
    """Answer with the page of *items* that is asked for; with ``$count=true``, ``count`` is of all."""
    count_all = request.query.flag("$count")
    page = request.query.page(items, default=len(items), most=None)
    return Reply(200, {"count": len(items if count_all else page), "resources": list(page)})


def refuse_duplicate(what: str, name: str, known: Collection[str]) -> None:
    """Refuse a name that is taken with 409; which status AI Core has for it is described for some only."""
    if name in known:
        raise Refusal(409, f"{what} {name} exists already")


def refuse_beyond_quota(what: str, known: Collection[str], most: int = QUOTA) -> None:
    """Refuse one more than the tenant may have."""
    if len(known) >= most:
        raise bad_request(f"The quota of {most} {what} is used up: delete one first")
