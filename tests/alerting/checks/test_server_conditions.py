"""The check of the server itself: an alert for each condition that degrades it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from alerting.book.alert_book import AlertBook
from alerting.check_settings import ServerCheckSettings
from alerting.checks.server_conditions import ServerConditionsEvaluation, server_alert_key
from alerting.evaluation.health import HealthBoard
from model.conditions import DISK_SLOW, SAMPLES_UNWRITABLE, Conditions
from model.labels import METRIC_NAME
from tests.alerting.alerting_doubles import (
    NOW_MS,
    MemoryAppender,
    RecordingPipeline,
    SetClock,
    WatchedAlerts,
    open_records,
)

MINUTE_MS = 60_000


class Bench:
    def __init__(self, records: WatchedAlerts) -> None:
        self.settings = ServerCheckSettings()
        self.conditions = Conditions(SetClock())
        self.appender, self.pipeline = MemoryAppender(), RecordingPipeline()
        self.book = AlertBook(records, self.pipeline.run, lambda changes: None)
        self.evaluation = ServerConditionsEvaluation(
            self.conditions,
            self.appender,
            self.book,
            HealthBoard(SetClock()),
        )

    async def at(self, minutes: float) -> None:
        await self.evaluation.evaluate(self.settings, NOW_MS + round(minutes * MINUTE_MS))

    @property
    def notified(self) -> list[str]:
        return [
            f"{item.status.value} {item.alert.labels.get('condition')}"
            for item in self.pipeline.notices
        ]


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[WatchedAlerts]:
    async with open_records(tmp_path / "records.db") as records:
        yield records


@pytest.fixture
def bench(records: WatchedAlerts) -> Bench:
    return Bench(records)


async def test_condition_fires_at_once_and_resolves_a_minute_after_it_went(bench: Bench) -> None:
    bench.conditions.set(SAMPLES_UNWRITABLE, "journal.db: disk full")
    await bench.at(0)
    (item,) = bench.book.open_alerts()
    assert item.alert.labels.get("alertname") == "ServerDegraded"
    assert item.alert.labels.get("severity") == "critical"
    assert item.alert.annotations.get("summary") == "The server cannot write samples to its disk"
    assert "journal.db: disk full. What to do: free space" in item.alert.annotations.get(
        "description"
    )
    bench.conditions.clear(SAMPLES_UNWRITABLE)
    await bench.at(0.5)
    assert bench.notified == ["firing samples_unwritable"]
    await bench.at(1.5)
    assert bench.notified == ["firing samples_unwritable", "resolved samples_unwritable"]
    assert bench.book.open_alerts() == []


async def test_condition_that_comes_and_goes_sends_one_notification(bench: Bench) -> None:
    for step in range(10):
        (bench.conditions.clear if step % 2 else bench.conditions.set)(DISK_SLOW)
        await bench.at(step / 4)
    assert bench.notified == ["firing disk_slow"]


async def test_each_condition_is_an_alert_and_a_series_of_its_own(bench: Bench) -> None:
    bench.conditions.set(DISK_SLOW)
    bench.conditions.set(SAMPLES_UNWRITABLE)
    await bench.at(0)
    shown = {
        labels.get("condition")
        for labels in bench.appender.last["alerts/server"]
        if labels.get(METRIC_NAME) == "ALERTS"
    }
    assert shown == {"disk_slow", "samples_unwritable"}


async def test_open_alert_is_continued_after_a_restart(records: WatchedAlerts) -> None:
    before = Bench(records)
    before.conditions.set(DISK_SLOW)
    await before.at(0)
    after = Bench(records)
    after.book.restore((server_alert_key(one), one) for one in await records.open_alerts())
    after.conditions.set(DISK_SLOW)
    await after.at(1)
    assert after.notified == []
    after.conditions.clear(DISK_SLOW)
    await after.at(2)
    await after.at(3)
    assert after.notified == ["resolved disk_slow"]


async def test_check_that_is_switched_off_ends_its_alerts(bench: Bench) -> None:
    bench.conditions.set(DISK_SLOW)
    await bench.at(0)
    bench.settings = ServerCheckSettings(enabled=False)
    await bench.at(1)
    assert bench.book.open_alerts() == []
