"""The plugin fails a test with what the description has not, and with that alone."""

from __future__ import annotations

from types import SimpleNamespace

import httpx
import pytest

from airflow_provider_aicore.emulator import Options
from tests.contract.judge_all import MOST_ITEMS, Judge

URL = "https://api.ai.emulator.test"
TIME = "2026-01-01T00:00:00Z"


def _end(judge, mark=None) -> None:
    """End a test as pytest does."""
    hook = judge.pytest_runtest_teardown(SimpleNamespace(get_closest_marker={"not_as_described": mark}.get))
    next(hook)
    next(hook, None)


CASES = {
    "a missing field": ("/v2/lm/executions", 200, {"count": 1}),
    "the failure of the emulator": ("/v2/lm/executions", 500, {"error": {}}),
    "success where nothing is described": ("/v2/lm/jobs", 200, {}),
}


@pytest.mark.parametrize(("path", "status", "body"), list(CASES.values()), ids=list(CASES))
def test_a_test_fails_with_what_does_not_fit(description, path, status, body):
    """Once, and not when it says that this is what it is about."""
    judge = Judge(description)
    request = httpx.Request("GET", URL + path, headers={"AI-Resource-Group": "default"})

    judge.judge(request, httpx.Response(status, json=body), Options())
    with pytest.raises(AssertionError, match=path):
        _end(judge)
    _end(judge)

    judge.judge(request, httpx.Response(status, json=body), Options())
    _end(judge, mark="marked")

    judge.judge(request, httpx.Response(status, json=body), Options())
    with pytest.raises(AssertionError, match=path):
        _end(judge)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v2/lm/executions", 403), ("/v2/lm/jobs", 404), ("/oauth/token", 200), ("/v2/lm/healthz", 200)],
)
def test_a_test_passes_with_what_fits(description, path, status):
    """So do the gateway's texts, paths that are nowhere, and what is not AI Core's API."""
    judge = Judge(description)

    judge.judge(httpx.Request("GET", URL + path), httpx.Response(status, text="text"), Options())

    _end(judge)


def test_null_for_an_optional_field_fits_where_the_emulator_is_told_so(description):
    """Its own options decide."""
    judge = Judge(description)
    request = httpx.Request("GET", f"{URL}/v2/lm/scenarios", headers={"AI-Resource-Group": "default"})
    scenario = {"id": "text-clf", "name": "n", "createdAt": TIME, "modifiedAt": TIME, "description": None}
    body = {"count": 1, "resources": [scenario]}

    judge.judge(request, httpx.Response(200, json=body), Options(null_fields=True))
    _end(judge)
    judge.judge(request, httpx.Response(200, json=body), Options())
    with pytest.raises(AssertionError, match="description"):
        _end(judge)


def test_of_a_long_list_what_is_judged_is_spread_over_it(description):
    """Its items come from the same hand; to judge each would take minutes."""
    judge = Judge(description)
    request = httpx.Request("GET", f"{URL}/v2/lm/scenarios", headers={"AI-Resource-Group": "default"})
    scenarios = [{"id": f"clf-{number}", "name": "n"} for number in range(4 * MOST_ITEMS)]
    for each in scenarios[:-4]:
        each |= {"createdAt": TIME, "modifiedAt": TIME}

    judge.judge(request, httpx.Response(200, json={"count": 1, "resources": scenarios}), Options())

    with pytest.raises(AssertionError, match=f"{MOST_ITEMS - 1}.*createdAt"):
        _end(judge)
