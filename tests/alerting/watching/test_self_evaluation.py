"""The checks of the server itself: their alerts need neither queries nor the store's samples."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from alerting.book.alert_book import AlertBook
from alerting.book.identities import self_check_identity
from alerting.check_settings import HostCheckSettings, SelfCheckName
from alerting.errors import AlertingError
from alerting.evaluation.health import HealthBoard
from alerting.watching.self_evaluation import SelfChecksEvaluation, self_check_key
from tests.alerting.alerting_doubles import (
    NOW_MS,
    MemoryAppender,
    RecordingPipeline,
    SetClock,
    WatchedAlerts,
    open_records,
)


class Bench:
    """The checks of a server whose lags a test sets."""

    def __init__(self, records: WatchedAlerts, **settings: object) -> None:
        self.lags = dict.fromkeys(SelfCheckName, 0.0)
        self.pipeline, self.appender = RecordingPipeline(), MemoryAppender()
        self.board = HealthBoard(SetClock())
        self.book = AlertBook(records, self.pipeline.run, lambda changes: None)
        self.checks = SelfChecksEvaluation(
            HostCheckSettings.model_validate(settings),
            {name: lambda name=name: self.lags[name] for name in SelfCheckName},  # type: ignore[misc]
            self.appender,
            self.book,
            self.board,
        )
        self.now_ms = NOW_MS

    async def after(self, seconds: float, **lags: float) -> list[tuple[str, str, str]]:
        """Evaluate later, with these lags; return the notifications: status, alert, severity."""
        self.lags |= {SelfCheckName(name): value for name, value in lags.items()}
        self.now_ms += round(seconds * 1000)
        before = len(self.pipeline.notices)
        await self.checks.evaluate(self.now_ms)
        assert not any(self.board[self_check_identity(name)].error for name in SelfCheckName)
        return [
            (
                item.status.value,
                item.alert.labels.get("alertname"),
                item.alert.labels.get("severity"),
            )
            for item in self.pipeline.notices[before:]
        ]


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[WatchedAlerts]:
    async with open_records(tmp_path / "records.db") as records:
        yield records


@pytest.mark.fault("the server is late")
async def test_late_evaluation_is_an_alert_by_default_and_ends_a_minute_after_it(
    records: WatchedAlerts,
) -> None:
    bench = Bench(records)
    assert await bench.after(0) == []
    assert await bench.after(15, evaluation=29) == []
    assert await bench.after(15, evaluation=31) == [("firing", "RedshankEvaluatesLate", "warning")]
    assert await bench.after(15, evaluation=1) == []
    assert await bench.after(60) == [("resolved", "RedshankEvaluatesLate", "warning")]


@pytest.mark.fault("the server is late")
async def test_stalled_loop_is_one_notification_of_the_worst_severity(
    records: WatchedAlerts,
) -> None:
    bench = Bench(records)
    assert await bench.after(15, loop=31) == [("firing", "RedshankStalls", "critical")]
    [notice] = bench.pipeline.notices
    assert notice.alert.annotations.get("summary") == "Redshank stalls"
    assert notice.alert.annotations.get("description").startswith("31s late. ")
    assert notice.expression == "redshank_loop_lag_seconds > 30"
    names = {labels.get("alertname") for labels in bench.appender.last["alerts/server/lag"]}
    assert names == {"RedshankStalls"}


async def test_thresholds_are_settings_and_a_disabled_check_ends_its_alerts(
    records: WatchedAlerts,
) -> None:
    bench = Bench(records, loop={"warning": "1s", "critical": None, "for": "30s"})
    assert await bench.after(15, loop=2) == []
    assert await bench.after(30, loop=200) == [("firing", "RedshankStalls", "warning")]
    bench.checks.settings = HostCheckSettings.model_validate({"loop": {"enabled": False}})
    assert await bench.after(15) == [("resolved", "RedshankStalls", "warning")]


async def test_open_alert_continues_after_a_restart(records: WatchedAlerts) -> None:
    first = Bench(records)
    await first.after(15, loop=31)
    second = Bench(records)
    second.book.restore((self_check_key(one), one) for one in await records.open_alerts())
    assert await second.after(30, loop=31) == []
    await second.after(15, loop=0)
    assert ("resolved", "RedshankStalls", "critical") in await second.after(60)


async def test_a_lag_that_cannot_be_read_leaves_the_other_check(records: WatchedAlerts) -> None:
    bench = Bench(records)

    def fail() -> float:
        raise AlertingError("unknown")

    bench.checks._lags = {**bench.checks._lags, SelfCheckName.EVALUATION: fail}
    bench.lags[SelfCheckName.LOOP] = 31
    await bench.checks.evaluate(bench.now_ms)
    assert [item.alert.labels.get("alertname") for item in bench.pipeline.notices] == [
        "RedshankStalls"
    ]
