"""How a line of an execution's log is shown."""

from __future__ import annotations

import logging
import time
import timeit

import pytest

from airflow_provider_aicore.api.log_lines import MAX_SHOWN, level_of, scrubbed, shown, users_own
from airflow_provider_aicore.api.models import LogLine

STAMP = "2024-03-27T09:44:55.607617616+00:00"


def line(msg, *, container="main", pod="e1"):
    """Return a line as AI Core gives it."""
    return LogLine(timestamp=STAMP, msg=msg, container=container, pod=pod)


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ("epoch 1", "INFO"),
        ("0 errors, error rate 0.1", "INFO"),
        ("2024-03-27 09:44:55,607 - train - WARNING - slow", "WARNING"),
        ("[ERROR] no such file", "ERROR"),
        ("ERROR:root:no such file", "ERROR"),
        ("INFO: found the word ERROR", "INFO"),
        ('time="2024" level=warning msg=x', "WARNING"),
        ('{"message": "x", "level": "error"}', "ERROR"),
        ('{"level": 7} is no JSON', "INFO"),
        ("E0327 09:44:55.607 1 x.go:1] boom", "ERROR"),
        ("CRITICAL out of disk", "CRITICAL"),
        ("DEBUG x", "DEBUG"),
        ("Traceback (most recent call last):", "ERROR"),
        ("NameError: name 'x' is not defined", "ERROR"),
        ("botocore.exceptions.ClientError: denied", "ERROR"),
        ("x" * 200 + " ERROR ", "INFO"),
    ],
)
def test_a_level_is_recognised_by_the_usual_forms(said, level):
    """A word of the text is no level, and what names none is an INFO."""
    assert logging.getLevelName(level_of(said)) == level


@pytest.mark.parametrize("junk", ["", "{", "{" * 9000, "[" * 9000, '{"level": null}', "\x00\ud800", "\r\r\n"])
def test_any_text_can_be_shown(junk):
    """Nothing that a program prints breaks its task's log."""
    assert shown(line(junk), "e1").level == logging.INFO


def test_half_a_character_is_replaced():
    """To log it raises in Airflow 3.1, and a task whose execution has COMPLETED would fail for it."""
    assert shown(line("caf\ud83d"), "e1").text.endswith("| caf?")


@pytest.mark.parametrize("piece", ["x", "eyJ-eyJaaaaaaaaaaa-", "password=", "https://x:", '{"level":'])
def test_a_long_line_takes_no_time(piece):
    """Whatever a program prints: the triggers of a thousand tasks stand still as long as one is looked at."""
    endless = line(piece * (2_000_000 // len(piece)))

    # The quickest of some: what a busy machine adds says nothing.
    assert min(timeit.repeat(lambda: shown(endless, "e1"), time.process_time, number=1, repeat=5)) < 0.1
    assert "characters more)" in shown(endless, "e1").text


def test_a_line_has_its_time_and_no_end():
    """Milliseconds in UTC are enough for a reader."""
    assert shown(line("epoch 1\n"), "e1").text == "2024-03-27T09:44:55.607Z | epoch 1"


def test_the_pod_is_named_where_there_are_several():
    """The one of an execution with a single step has the execution's id, which says nothing."""
    assert " train-7/init | " in shown(line("x", container="init", pod="e1-train-7"), "e1").text


def test_a_long_line_is_cut_and_says_by_how_much():
    """Megabytes in one line do not reach Airflow."""
    text = shown(line("x" * (MAX_SHOWN + 5)), "e1").text

    assert text.endswith("x … (5 characters more)")
    assert len(text) < MAX_SHOWN + 100
    assert shown(line("x" * (5 * MAX_SHOWN)), "e1").text.endswith(f"x … ({4 * MAX_SHOWN} characters more)")


def test_of_a_progress_bar_the_last_state_is_shown():
    """It writes over itself."""
    assert shown(line("10%\r20%\r30%\n"), "e1").text.endswith("| 30%")


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer ***"),
        ("client_secret=hunter2 epoch=1", "client_secret=*** epoch=1"),
        ("{'password': 'hunter2', 'user': 'x'}", "{'password': '***', 'user': 'x'}"),
        ("AWS_SECRET_ACCESS_KEY=hunter2", "AWS_SECRET_ACCESS_KEY=***"),
        ("token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOjF9.c2ln", "token ***"),
        ("a secret is a key", "a secret is a key"),
        (
            "pip: https://__token__:hunter2@index.example.com/x",
            "pip: https://__token__:***@index.example.com/x",
        ),
        ("GET https://a.example.com:8080/b@c", "GET https://a.example.com:8080/b@c"),
        ("https://a.example.com/c?sv=1&sig=hunter2%3D", "https://a.example.com/c?sv=1&sig=***"),
    ],
)
def test_what_looks_like_a_secret_is_masked(said, left):
    """A training program may print its environment."""
    assert scrubbed(said) == left


def test_argo_s_own_containers_are_left_out_unless_nobody_else_speaks():
    """They say how files were moved, which matters where nothing else ran."""
    own, user = line("saved", container="wait"), line("epoch 1")

    assert users_own([own, user]) == [user]
    assert users_own([own]) == [own]
