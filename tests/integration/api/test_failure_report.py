"""Reports of executions that have died, of whatever shape AI Core's answers are."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from airflow_provider_aicore.api.diagnosis import MAX_WORDS, own_words
from airflow_provider_aicore.api.failure_report import MAX_REPORT, FailureReport
from airflow_provider_aicore.api.models import Execution, LogLine

CREATED = datetime(2027, 1, 15, 8, tzinfo=UTC)


def test_nothing_that_ai_core_says_breaks_the_report():
    """Its details have no described shape: any junk gives a report that is bounded."""
    generator = random.Random(1)
    keys = [
        "details",
        "workflow_info",
        "aiApiDetails",
        "message",
        "exit_code",
        "container_name",
        "pod_name",
        "phase",
        "last_log_messages",
    ]
    leaves = [
        None,
        True,
        1,
        -1,
        1e400,
        float("nan"),
        "",
        "137",
        "1e5",
        "x" * 9000,
        "9" * 5000,
        "\ud800",
        b"x",
    ]

    def junk(depth):
        kind = generator.random()
        if depth == 0 or kind < 0.3:
            return generator.choice(leaves)
        if kind < 0.5:
            return [junk(depth - 1) for _ in range(generator.randrange(4))]
        return {generator.choice(keys): junk(depth - 1) for _ in range(generator.randrange(5))}

    for _ in range(1500):
        execution = Execution(
            id="e1",
            configuration_id="c1",
            status="DEAD",
            created_at=CREATED,
            modified_at=CREATED,
            status_details=junk(4),
            status_message=generator.choice([None, "", "boom"]),
        )
        line = LogLine(timestamp=str(generator.choice(leaves)), msg=str(generator.choice(leaves)))
        text = str(FailureReport(execution, lines=[line]))
        assert "Execution e1 of configuration 'c1' is DEAD: " in text
        assert len(text) <= MAX_REPORT
        assert len(own_words(execution).text) <= 5 * MAX_WORDS
