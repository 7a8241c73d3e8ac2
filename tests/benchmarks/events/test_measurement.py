import json
from pathlib import Path

import pytest

from benchmarks.events import __main__ as events
from benchmarks.events import measurement
from benchmarks.events.findings import EventFindings
from benchmarks.harness.events.postgres import postgres_programs


def run_bench(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, object]:
    events.main(
        [
            *("--events", "3000", "--persons", "300", "--batch", "500", "--connections", "2"),
            *("--track-seconds", "0.5", "--track-connections", "4", "--json"),
            *options,
        ]
    )
    document: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return document


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Allow the test itself to block."""


def test_without_postgresql_the_ratios_are_left_out_with_a_reason(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measurement, "postgres_programs", lambda: None)
    found = run_bench(capsys, "--work-dir", str(tmp_path))
    assert {"ingest_events_s", "track_requests_s", "overview_s", "funnel_s"} < found.keys()
    assert {"retention_s", "paths_s", "schema_s"} < found.keys()
    assert "ratio_disk" not in found
    assert "PostgreSQL" in str(found["notes"])


@pytest.mark.peer
def test_postgresql_agrees_on_every_report(capsys: pytest.CaptureFixture[str]) -> None:
    if postgres_programs() is None:
        pytest.skip("PostgreSQL's server is not installed")
    # Not under `tmp_path`: PostgreSQL runs as another user, who must reach its directory.
    found = run_bench(capsys)
    assert {"ratio_disk", "ratio_funnel", "ratio_reports_worst"} < found.keys()


def test_a_figure_beyond_its_limit_is_named() -> None:
    findings = EventFindings("", {"ingest_events_s": 10.0, "ratio_disk": 0.1, "funnel_s": 9.0})
    assert findings.exceeded() == [
        "ingest_events_s is 10, less than 100000",
        "funnel_s is 9, more than 1",
    ]
