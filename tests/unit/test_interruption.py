"""What signals want of a task, put off until it suits."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_provider_aicore.interruption import EndNotice, ToldToEndError


def test_only_the_first_notice_ends_the_pause(monkeypatch):
    """The next signal may come while the pause is being left, and must not end what follows it."""
    notice = EndNotice()

    def pause(_seconds):
        with pytest.raises(ToldToEndError):
            notice.give()
        notice.give()

    monkeypatch.setattr("airflow_provider_aicore.interruption.time", SimpleNamespace(sleep=pause))

    with notice.heeded():
        notice.sleep(1.0)
