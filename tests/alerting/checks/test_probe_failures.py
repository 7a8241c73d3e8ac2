"""The check of probes: an alert for each probe that fails after its retries."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from alerting.book.alert_book import AlertBook
from alerting.check_settings import ProbeCheckSettings
from alerting.checks.probe_failures import (
    ProbeFailuresEvaluation,
    WatchedProbe,
    probe_alert_key,
)
from alerting.evaluation.health import HealthBoard
from model.labels import Labels
from tests.alerting.alerting_doubles import (
    NOW_MS,
    MemoryAppender,
    RecordingPipeline,
    SetClock,
    WatchedAlerts,
    open_records,
)

WEB = WatchedProbe(
    "web",
    Labels.of(job="probe", instance="https://example.org/", probe="web", team="a"),
    "critical",
    has_failed=False,
)


class Bench:
    def __init__(self, records: WatchedAlerts) -> None:
        self.settings, self.probes = ProbeCheckSettings(), [WEB]
        self.pipeline = RecordingPipeline()
        self.book = AlertBook(records, self.pipeline.run, lambda changes: None)
        self.evaluation = ProbeFailuresEvaluation(
            lambda: self.probes, MemoryAppender(), self.book, HealthBoard(SetClock())
        )

    async def at(self, seconds: float, *probes: WatchedProbe) -> list[str]:
        self.probes = list(probes)
        await self.evaluation.evaluate(self.settings, NOW_MS + round(seconds * 1000))
        return [item.alert.labels.get("probe") for item in self.book.open_alerts()]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_records(tmp_path / "records.db") as records:
        yield Bench(records)


FAILED = replace(WEB, has_failed=True, reason="HTTP status 503, expected 200-299")


async def test_a_failed_probe_fires_with_its_reason_and_resolves(bench: Bench) -> None:
    assert await bench.at(0, WEB) == []
    assert await bench.at(15, FAILED) == ["web"]
    (item,) = bench.book.open_alerts()
    assert item.alert.labels == FAILED.labels.overlaid(
        Labels.of(alertname="ProbeFailed", severity="critical")
    )
    assert "HTTP status 503" in item.alert.annotations.get("description")
    assert await bench.at(30, WEB) == []
    assert [item.status.value for item in bench.pipeline.notices] == ["firing", "resolved"]


async def test_a_probe_without_an_outcome_leaves_its_alert_as_it_was(bench: Bench) -> None:
    await bench.at(0, FAILED)
    assert await bench.at(15, replace(WEB, has_failed=None)) == ["web"]


@pytest.mark.parametrize("probes", [(), (replace(FAILED, severity="none"),)])
async def test_the_alert_of_a_probe_that_no_longer_runs_is_withdrawn(
    bench: Bench, probes: tuple[WatchedProbe, ...]
) -> None:
    await bench.at(0, FAILED)
    assert await bench.at(15, *probes) == []


async def test_the_check_can_be_switched_off(bench: Bench) -> None:
    bench.settings = ProbeCheckSettings(enabled=False)
    assert await bench.at(0, FAILED) == []


async def test_a_changed_target_keeps_the_alert(bench: Bench) -> None:
    await bench.at(0, FAILED)
    (item,) = bench.book.open_alerts()
    moved = replace(FAILED, labels=Labels.of(job="probe", instance="https://b/", probe="web"))
    assert await bench.at(15, moved) == ["web"]
    assert bench.book.open_alerts()[0].alert.id == item.alert.id
    assert probe_alert_key(item.alert).labels == Labels.of(probe="web")


async def test_a_hostile_name_stays_text_in_the_expression(bench: Bench) -> None:
    name = 'x"} or vector(1) #'
    await bench.at(0, replace(FAILED, name=name, labels=Labels.of(instance="x")))
    assert (
        bench.pipeline.notices[0].expression == 'probe_success{probe="x\\"} or vector(1) #"} == 0'
    )
