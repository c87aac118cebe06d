"""What is read out of an execution that has died, and how it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_aicore.api.causes import CAUSES, recognise
from airflow_provider_aicore.api.failure_report import MAX_REPORT, FailureReport
from airflow_provider_aicore.api.models import Execution, LogLine
from airflow_provider_aicore.api.status_details import failed_container, messages

CREATED = datetime(2027, 1, 15, 8, tzinfo=UTC)


def dead(details=None, *, message=None, **change):
    """Return an execution that is DEAD."""
    fields = {
        "id": "e1",
        "configuration_id": "c1",
        "status": "DEAD",
        "created_at": CREATED,
        "modified_at": CREATED + timedelta(seconds=100),
        "status_details": details,
        "status_message": message,
    }
    return Execution.model_validate({**fields, **change})


def line(msg, container="main"):
    """Return a line of a log."""
    return LogLine(timestamp="2027-01-15T08:00:01.000000000+00:00", msg=msg, container=container, pod="e1")


def container(name, exit_code, **change):
    """Return what AI Core says of a container."""
    return {"container_name": name, "exit_code": exit_code, **change}


def test_the_user_s_container_is_the_one_that_failed():
    """Argo's own fail along with it."""
    found = failed_container({"details": [container("wait", 1), container("main", "2", message="other")]})

    assert found is not None
    assert (found.name, found.exit_code, found.message) == ("main", 2, "other")


def test_a_container_beside_main_is_the_user_s_too():
    """What it prints is a program's word: a hint, and no reason not to retry."""
    failed = dead({"details": [container("wait", 1), container("readable-proxy", 1)]})

    found = failed_container(failed.status_details)

    assert found is not None
    assert found.name == "readable-proxy"
    assert recognise(failed, [line("NoSuchKey", "readable-proxy")]) is None


@pytest.mark.parametrize("exit_code", [None, "", "x", float("inf"), float("nan"), [], 0, -1])
def test_what_is_no_exit_code_is_none(exit_code):
    """A container without one has not failed."""
    assert failed_container({"details": [container("main", exit_code)]}) is None


@pytest.mark.parametrize(
    ("log", "shown"),
    [
        (" killed ", "killed"),
        ("ain\n" + "x" * 100 + "\nNameError", "… " + "x" * 100 + "\nNameError"),
        ("ne 2, in " + "word " * 20 + "NameError", "… 2, in " + "word " * 20 + "NameError"),
        ("first\n" * 1000 + "NameError", "… " + "first\n" * 165 + "NameError"),
    ],
)
def test_a_log_that_was_cut_begins_at_a_whole_word(log, shown):
    """AI Core cuts off the front, wherever that falls."""
    found = failed_container({"details": [container("main", 1, last_log_messages=log)]})

    assert found is not None
    assert found.log == shown


def test_the_runtime_s_own_trouble_is_told():
    """It stands elsewhere than what is about the workflow, whose failed nodes come first."""
    details = {
        "workflow_info": [
            {"message": "child failed", "phase": "Succeeded"},
            {"message": "boom", "phase": "Failed"},
        ],
        "aiApiDetails": {"reconciler": {"message": [{"code": "05010002", "message": "no contact"}]}},
    }

    assert messages(details) == ["boom", "child failed", "no contact"]


@pytest.mark.parametrize(
    ("details", "lines", "name", "is_sure", "may_heal"),
    [
        ({"details": [container("main", 127)]}, [], "no-such-command", True, False),
        ({"details": [container("main", 137)]}, [], "out-of-memory", False, True),
        (
            {"details": [container("main", 1)]},
            ["RuntimeError: CUDA out of memory. Tried"],
            "out-of-memory",
            False,
            True,
        ),
        ({"details": [container("main", 1)]}, ["NoSuchKey: specified key does not exist"], None, None, None),
        ({"details": [container("init", 1)]}, [], None, None, None),
        (
            {"details": [container("init", 1, last_log_messages="NoSuchKey: x")]},
            [],
            "input-missing",
            True,
            False,
        ),
        ({"details": [container("main", 1)]}, ["ModuleNotFoundError: x"], "package-missing", False, True),
        (
            {"details": [container("main", 1, message="Insufficient permissions")]},
            [],
            None,
            None,
            None,
        ),
        ({"workflow_info": [{"message": "Insufficient cpu", "phase": "Failed"}]}, [], "no-node", True, True),
    ],
)
def test_what_ai_core_says_decides_and_what_a_program_prints_is_a_hint(
    details, lines, name, is_sure, may_heal
):
    """A program may print anything, and a retry is worth more than a guess."""
    found = recognise(dead(details), [line(each) for each in lines])

    if name is None:
        assert found is None
    else:
        assert found is not None
        assert (found.cause.name, found.is_sure, found.cause.may_heal) == (name, is_sure, may_heal)


@pytest.mark.parametrize(
    ("said", "name", "may_heal"),
    [
        ('ErrImagePull: failed to resolve reference "x": 503 Service Unavailable', "image-pull", True),
        ('ErrImagePull: failed to resolve reference "x": x: not found', "image-not-allowed", False),
        ('failed to pull image "x": failed to do request: i/o timeout', "image-pull-later", True),
        ("CreateContainerConfigError: failed to sync secret cache: timed out", "container-config", True),
        ('CreateContainerConfigError: secret "hub" not found', "secret-missing", False),
        ("StartError: nvidia-container-cli: initialization error", "container-start", True),
        ("RunContainerError: context deadline exceeded", "container-start", True),
        (
            'StartError: exec: "/app/run": stat /app/run: no such file or directory: unknown',
            "no-such-command",
            False,
        ),
        ('exec: \\"pyhton\\": executable file not found in $PATH', "no-such-command", False),
    ],
)
def test_a_retry_is_only_refused_where_what_is_said_stays_so(said, name, may_heal):
    """The same reason of Kubernetes stands for a wrong name and for a registry or a node in trouble."""
    found = recognise(dead({"workflow_info": [{"message": said, "phase": "Error"}]}))

    assert found is not None
    assert (found.cause.name, found.cause.may_heal) == (name, may_heal)


@pytest.mark.parametrize("container_name", ["init", "wait"])
def test_what_argo_prints_counts_as_its_word_where_it_failed(container_name):
    """Its `message` may be no more than an exit code."""
    failed = dead({"details": [container(container_name, 1)]})

    found = recognise(failed, [line("Error: Access Denied", container_name)])

    assert found is not None
    assert (found.cause.name, found.is_sure) == ("object-store-refused", True)


def test_each_cause_has_a_name_of_its_own_and_says_what_to_do():
    """By the name docs/errors.md tells more; what is a guess does not forbid a retry."""
    assert len({cause.name for cause in CAUSES}) == len(CAUSES)
    for cause in CAUSES:
        assert cause.may_heal or not cause.printed
        assert cause.what.endswith(".")
        assert cause.remedy.endswith(".")


def test_the_times_tell_how_long_it_waited_and_ran():
    """Whether it ever started is a first clue."""
    started = {"start_time": CREATED + timedelta(seconds=40)}

    assert "started after 40 s, ran for 60 s." in str(FailureReport(dead(**started)))
    assert "never started, ended after 100 s." in str(FailureReport(dead()))


def test_as_many_of_the_last_lines_are_told_as_there_is_room_for():
    """The newest ones; each is cut, too."""
    told = str(FailureReport(dead(), lines=[line(f"{number} {'x' * 600}") for number in range(100)]))

    assert len(told) <= MAX_REPORT
    assert "| 99 x" in told
    assert "| 75 x" not in told
    assert "characters more)" in told


def test_much_that_ai_core_says_leaves_room_for_the_log():
    """And holds no secret, either."""
    nodes = [{"message": f"{number} password=hunter2 {'y' * 2000}", "phase": "Failed"} for number in range(9)]
    details = {"workflow_info": nodes, "details": [container("main", 1, message="z" * 2000)]}

    report = FailureReport(dead(details), lines=[line(f"{number} {'x' * 300}") for number in range(25)])
    report.input_urls = {str(number): "ai://default/" + "u" * 400 for number in range(10)}
    told = str(report)

    assert "hunter2" not in told
    assert "never started" in told
    assert told.count(" | ") >= 10


def test_without_a_log_ai_core_s_own_tail_is_told():
    """The log may be gone or out of reach, or nobody wants to read it."""
    details = {"details": [container("main", 1, last_log_messages="password=hunter2 NameError")]}

    assert str(FailureReport(dead(details))).endswith("The end of its log: password=*** NameError")


def test_where_to_look_is_told():
    """If there is a place."""
    assert "Look at it: https://launchpad/e1" in str(FailureReport(dead(), where="https://launchpad/e1"))
