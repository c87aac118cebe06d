"""Looking whether bindings fit before anything is made of them."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.api import AICoreError, ensure, preflight
from airflow_provider_aicore.emulator import Answer, unavailable

ARTIFACT = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def check(client, retry):
    """Return a function that checks bindings of ``text-clf-train``."""

    def check(parameters, input_artifacts=None, executable_id="text-clf-train", **options):
        bindings = ensure.Bindings.of("text-clf", executable_id, parameters, input_artifacts or {})
        return client.run(preflight.check(bindings, retry, **options))

    return check


def test_all_that_is_wrong_is_told_at_once_errors_first(check, emulator):
    """Nobody has to try again to hear of the next one."""
    problems = check({"epoch": 1}, {"data": ARTIFACT})

    assert [problem.is_error for problem in problems] == [True, True, False, False]
    assert "'learning-rate' is not bound" in problems[0].text
    assert ARTIFACT in problems[1].text
    assert "did you mean 'epochs'?" in problems[2].text
    assert "'data' is not declared" in problems[3].text


def test_what_is_right_costs_one_request(check, emulator):
    """Without input artifacts only the executable is read."""
    check({"learning-rate": 1})
    before = len(emulator.requests)

    assert check({"learning-rate": 1}) == []

    assert len(emulator.requests) == before + 1


@pytest.mark.parametrize("path", ["/executables/", "/lm/artifacts"])
@pytest.mark.parametrize("fault", [unavailable(), Answer(403, "RBAC: access denied"), Answer(200, "<html>")])
def test_trouble_in_looking_is_no_error(check, emulator, fault, path):
    """A task that would run is not failed for it; who asks for a thorough check is."""
    emulator.faults.add(fault, path=path, times=None)

    (problem,) = check({"learning-rate": 1}, {"data": ARTIFACT})[-1:]

    assert not problem.is_error
    assert "could not be checked: GET /v2/lm/" in problem.text
    with pytest.raises(AICoreError):
        check({"learning-rate": 1}, {"data": ARTIFACT}, thorough=True)


def test_secrets_that_may_not_be_read_are_a_warning(check, emulator):
    """The service key of a task often is no administrator's."""
    emulator.faults.add(Answer(403, "RBAC: access denied"), path="/admin/objectStoreSecrets")

    (problem,) = check({"learning-rate": 1}, thorough=True)

    assert not problem.is_error
    assert "The object store secrets could not be checked" in problem.text


def test_secrets_are_only_read_where_some_are_needed(check, emulator):
    """An executable without artifacts needs none."""
    emulator.add_executable("text-clf", "text-clf-test")

    assert check({}, executable_id="text-clf-test", thorough=True) == []

    assert [one.path for one in emulator.requests if "/admin/" in one.path] == []


def test_an_unknown_executable_is_told_also_where_nothing_can_be_suggested(check, emulator):
    """The lists are for help only."""
    emulator.faults.add(unavailable(), path="/lm/scenarios$", times=None)

    (problem,) = check({}, executable_id="no-such-one")

    assert problem.is_error
    assert "no executable 'no-such-one' in scenario 'text-clf': check both ids." in problem.text


def test_an_executable_that_is_listed_is_not_called_unknown(check, emulator):
    """A 404 can be the gateway's."""
    emulator.faults.add(Answer(404), path="/executables/text-clf-train", times=None)

    (problem,) = check({})

    assert not problem.is_error


def test_outputs_that_are_expected_have_to_be_declared(check, emulator):
    """A mistyped one would fail the task when all is done."""
    problems = check({"learning-rate": 1}, expected_outputs=["text-modell", "report", "text-model"])

    assert [problem.is_error for problem in problems] == [True, False]
    assert "'text-modell' is expected, but not declared by the executable; did you mean 'text-model'?" in (
        problems[0].text
    )
    assert "'report' is expected" in problems[1].text


def test_a_configuration_may_be_for_a_deployment(check, emulator):
    """Only an execution cannot be started of an executable that is deployable."""
    emulator.add_executable("text-clf", "text-clf-serve", deployable=True)

    assert check({}, executable_id="text-clf-serve", for_execution=False) == []
    assert len(check({}, executable_id="text-clf-serve")) == 1


def test_an_input_may_be_left_out_if_its_template_says_so(check, emulator):
    """AI Core itself does not tell."""
    emulator.add_executable("text-clf", "text-clf-test", input_artifacts={"old": "model", "new": "model"})

    problems = check({}, executable_id="text-clf-test", optional_inputs={"old"})

    assert ["'new' is not bound" in problem.text for problem in problems] == [True]
