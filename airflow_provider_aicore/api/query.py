"""How filters and paging are written into a query; `$top`, `$skip` and `$search` need the dollar sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aicore.api.validation import check_id, check_range, check_search

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_TOP = 100_000
"""The largest page; without `$top` AI Core gives 10 000."""


def query(
    filters: Mapping[str, str | None], *, search: str | None = None, top: int | None = None, skip: int = 0
) -> dict[str, str]:
    """Return the query parameters that are set."""
    params = {name: value for name, value in filters.items() if value is not None}
    if search is not None:
        params["$search"] = check_search(search)
    if top is not None:
        params["$top"] = str(check_range("top", top, 1, MAX_TOP))
    if skip:
        params["$skip"] = str(check_range("skip", skip, 0, 2**31 - 1))
    return params


def id_list(what: str, ids: Sequence[str] | None, *, most: int) -> str | None:
    """Return ids as one comma list, which is how AI Core takes several values."""
    if ids is None:
        return None
    check_range(f"number of {what}", len(ids), 1, most)
    return ",".join(check_id(what, one) for one in ids)


def optional_id(what: str, value: str | None) -> str | None:
    """Check an id that may be left out."""
    return None if value is None else check_id(what, value)
