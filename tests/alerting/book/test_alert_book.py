import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerting.book.alert_book import AlertBook
from alerting.book.lifecycle import Condition, RuleTiming
from alerting.book.live_alerts import LiveAlerts
from alerting.book.observation import AlertKey, Observation
from model.labels import Labels
from storage.api.alerts import Acknowledgement, Alert, AlertChange, AlertState
from storage.api.errors import NotFoundError, StorageError
from tests.alerting.alerting_doubles import NOW_MS, RecordingPipeline, WatchedAlerts, open_records

MINUTE_MS = 60_000
HOLDS, CLEAR = Condition.HOLDS, Condition.CLEAR
TIMING = RuleTiming(for_ms=MINUTE_MS, no_data_for_ms=MINUTE_MS)
WARNING = AlertKey("host/cpu", Labels.of(instance="web-1", severity="warning"))
CRITICAL = AlertKey("host/cpu", Labels.of(instance="web-1", severity="critical"))


class Bench:
    """A book over real records, and the notices it sent."""

    def __init__(self, records: WatchedAlerts) -> None:
        self.records = records
        self.pipeline = RecordingPipeline()
        self.published: list[AlertChange] = []
        self.book = self.fresh()

    def fresh(self) -> AlertBook:
        return AlertBook(self.records, self.pipeline.run, self.published.extend)

    @property
    def notified(self) -> list[tuple[str, str]]:
        """Status and severity of each notice so far."""
        notices = self.pipeline.notices
        return [(item.status.value, item.alert.labels.get("severity")) for item in notices]

    async def restart(self) -> None:
        self.book = self.fresh()
        stored = await self.records.open_alerts()
        self.book.restore((AlertKey(a.rule, a.labels.drop({"alertname"})), a) for a in stored)

    async def see(
        self, *seen: tuple[AlertKey, Condition], at_ms: int = NOW_MS, value: float | None = 91.0
    ) -> None:
        observations = [
            Observation(
                key,
                condition,
                TIMING,
                value,
                key.labels.overlaid(Labels.of(alertname="HostHighCpu")),
                Labels.of(summary=f"at {value}") if condition is HOLDS else None,
                "cpu",
                inhibitors=(CRITICAL,) if key is WARNING else (),
            )
            for key, condition in seen
        ]
        await self.book.apply(observations, at_ms)

    @property
    def states(self) -> dict[str, str]:
        return {
            item.alert.labels.get("severity"): item.alert.state.value
            for item in self.book.open_alerts()
        }


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_records(tmp_path / "records.db") as records:
        yield Bench(records)


async def test_alert_goes_from_pending_to_firing_to_resolved(bench: Bench) -> None:
    await bench.see((WARNING, HOLDS))
    assert (bench.states, bench.notified) == ({"warning": "pending"}, [])
    await bench.see((WARNING, HOLDS), at_ms=NOW_MS + MINUTE_MS, value=95.0)
    assert (bench.states, bench.notified) == ({"warning": "firing"}, [("firing", "warning")])
    await bench.see((WARNING, CLEAR), at_ms=NOW_MS + 2 * MINUTE_MS, value=10.0)
    assert (bench.states, bench.notified[1:]) == ({}, [("resolved", "warning")])
    [alert] = await bench.records.resolved(10)
    assert (alert.active_ms, alert.fired_ms, alert.resolved_ms) == (
        NOW_MS,
        NOW_MS + MINUTE_MS,
        NOW_MS + 2 * MINUTE_MS,
    )
    assert (alert.value, alert.annotations) == (10.0, Labels.of(summary="at 95.0"))
    assert [change.before for change in bench.published] == ["inactive", "pending", "firing"]
    assert [change.alert.id for change in bench.published] == [alert.id] * 3
    waiting = await bench.records.waiting("log", 10)
    assert [(item.alert_id, item.body) for item in waiting] == [(alert.id, "cpu")] * 2


async def test_pending_alert_that_clears_leaves_only_its_history(bench: Bench) -> None:
    await bench.see((WARNING, HOLDS))
    await bench.see((WARNING, CLEAR), at_ms=NOW_MS + 1)
    assert (bench.states, bench.notified) == ({}, [])
    assert [entry.after for entry in await bench.records.history(10)] == ["inactive", "pending"]
    assert bench.book.rules() == []


async def test_open_alert_shows_its_latest_value_without_a_write(bench: Bench) -> None:
    await bench.see((WARNING, HOLDS))
    await bench.see((WARNING, HOLDS), at_ms=NOW_MS + 1, value=99.0)
    [item] = bench.book.open_alerts("host/cpu")
    assert (item.alert.value, item.alert.annotations) == (99.0, Labels.of(summary="at 99.0"))
    assert (await bench.records.alert(item.alert.id)).value == 91.0


async def test_live_alerts_have_the_latest_values(bench: Bench) -> None:
    await bench.see((WARNING, HOLDS))
    await bench.see((WARNING, HOLDS), at_ms=NOW_MS + 1, value=99.0)
    live = LiveAlerts(bench.records, bench.book)
    [alert] = await live.open_alerts()
    assert (alert.value, await live.alert(alert.id)) == (99.0, alert)
    assert [entry.alert_id for entry in await live.history(5)] == [alert.id]
    for nothing in (await live.resolved(5), await live.notifications(5), await live.overrides()):
        assert list(nothing) == []


async def test_critical_alert_suppresses_the_warning(bench: Bench) -> None:
    both = ((CRITICAL, HOLDS), (WARNING, HOLDS))
    await bench.see(*both)
    await bench.see(*both, at_ms=NOW_MS + MINUTE_MS)
    assert bench.notified == [("firing", "critical")]
    assert bench.states == {"critical": "firing", "warning": "pending"}
    held = {
        item.alert.labels.get("severity"): item.suppressed_by for item in bench.book.open_alerts()
    }
    assert held == {"critical": "", "warning": "HostHighCpu critical"}
    # Back in the range of the warning: it fires at once.
    later_ms = NOW_MS + 2 * MINUTE_MS
    await bench.see((CRITICAL, CLEAR), (WARNING, HOLDS), at_ms=later_ms)
    assert bench.notified[1:] == [("resolved", "critical"), ("firing", "warning")]
    await bench.see((WARNING, CLEAR), at_ms=later_ms + 1)
    assert bench.notified[3:] == [("resolved", "warning")]


async def test_warning_that_fired_before_the_critical_is_resolved_too(bench: Bench) -> None:
    await bench.see((WARNING, HOLDS))
    await bench.see((CRITICAL, HOLDS), (WARNING, HOLDS), at_ms=NOW_MS + MINUTE_MS)
    end_ms = NOW_MS + 2 * MINUTE_MS
    await bench.see((CRITICAL, HOLDS), (WARNING, HOLDS), at_ms=end_ms)
    await bench.see((CRITICAL, CLEAR), (WARNING, CLEAR), at_ms=end_ms + 1)
    assert bench.notified == [
        ("firing", "warning"),
        ("firing", "critical"),
        ("resolved", "critical"),
        ("resolved", "warning"),
    ]


async def test_failed_write_changes_nothing_and_is_repeated(bench: Bench) -> None:
    await bench.see((WARNING, HOLDS))
    original = bench.records.record

    async def refuse(changes: Sequence[AlertChange], now_ms: int) -> Sequence[Alert]:
        raise StorageError("disk full")

    bench.records.record = refuse  # type: ignore[method-assign]
    with pytest.raises(StorageError):
        await bench.see((WARNING, HOLDS), at_ms=NOW_MS + MINUTE_MS)
    assert bench.states == {"warning": "pending"}
    assert len(bench.published) == 1
    bench.records.record = original  # type: ignore[method-assign]
    await bench.see((WARNING, HOLDS), at_ms=NOW_MS + MINUTE_MS + 1)
    assert bench.states == {"warning": "firing"}
    assert len(await bench.records.waiting("log", 10)) == 1


async def test_book_agrees_with_the_records_after_a_cancelled_evaluation(bench: Bench) -> None:
    stored, go_on = asyncio.Event(), asyncio.Event()
    original = bench.records.record

    async def slow(changes: Sequence[AlertChange], now_ms: int) -> Sequence[Alert]:
        alerts = await original(changes, now_ms)
        stored.set()
        await go_on.wait()
        return alerts

    bench.records.record = slow  # type: ignore[method-assign]
    task = asyncio.create_task(bench.see((WARNING, HOLDS)))
    await stored.wait()
    task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.states == {"warning": "pending"}
    [alert] = await bench.records.open_alerts()
    assert bench.book.open_alerts()[0].alert == alert


async def test_alert_that_fires_across_a_restart_is_not_notified_again(bench: Bench) -> None:
    await bench.see((WARNING, HOLDS))
    await bench.see((WARNING, HOLDS), at_ms=NOW_MS + MINUTE_MS)
    await bench.restart()
    await bench.see((WARNING, HOLDS), at_ms=NOW_MS + 5 * MINUTE_MS)
    assert bench.notified == [("firing", "warning")]
    assert bench.states == {"warning": "firing"}


async def test_alert_that_cleared_while_the_server_was_down_resolves_once(bench: Bench) -> None:
    await bench.see((WARNING, HOLDS))
    await bench.see((WARNING, HOLDS), at_ms=NOW_MS + MINUTE_MS)
    await bench.restart()
    await bench.see((WARNING, CLEAR), at_ms=NOW_MS + 5 * MINUTE_MS)
    await bench.see((WARNING, CLEAR), at_ms=NOW_MS + 6 * MINUTE_MS)
    assert bench.notified[1:] == [("resolved", "warning")]


async def test_acknowledgement_ends_with_the_alert_and_suppresses_no_recovery(
    bench: Bench,
) -> None:
    await bench.see((WARNING, HOLDS))
    await bench.see((WARNING, HOLDS), at_ms=NOW_MS + MINUTE_MS)
    [item] = bench.book.open_alerts()
    await bench.book.acknowledge(item.alert.id, "ada", NOW_MS + MINUTE_MS + 1)
    assert bench.published[-1].alert.acknowledged_by == "ada"
    await bench.see((WARNING, HOLDS), at_ms=NOW_MS + 2 * MINUTE_MS)
    assert bench.book.open_alerts()[0].alert.acknowledged_by == "ada"
    await bench.see((WARNING, CLEAR), at_ms=NOW_MS + 3 * MINUTE_MS)
    assert bench.notified[1:] == [("resolved", "warning")]
    await bench.see((WARNING, HOLDS), at_ms=NOW_MS + 4 * MINUTE_MS)
    assert bench.book.open_alerts()[0].alert.acknowledged_by is None
    with pytest.raises(NotFoundError):
        await bench.book.acknowledge(item.alert.id, "ada", NOW_MS + 5 * MINUTE_MS)


async def test_acknowledgement_ends_at_its_time_and_says_so(bench: Bench) -> None:
    await bench.see((WARNING, HOLDS))
    await bench.see((WARNING, HOLDS), at_ms=NOW_MS + MINUTE_MS)
    [item] = bench.book.open_alerts()
    terms = Acknowledgement("disk ordered", NOW_MS + 3 * MINUTE_MS)
    await bench.book.acknowledge(item.alert.id, "ada", NOW_MS + MINUTE_MS, terms)
    await bench.see((WARNING, HOLDS), at_ms=NOW_MS + 2 * MINUTE_MS)
    assert bench.book.open_alerts()[0].alert.acknowledged_comment == "disk ordered"
    await bench.see((WARNING, HOLDS), at_ms=NOW_MS + 3 * MINUTE_MS)
    assert bench.book.open_alerts()[0].alert.acknowledged_by is None
    change = bench.published[-1]
    assert (change.before, change.alert.state) == (AlertState.FIRING, AlertState.FIRING)
    assert change.alert.acknowledged_by is None
    assert [each for each in bench.notified if each[0] == "firing"] == [("firing", "warning")]


async def test_lost_data_without_an_alert_become_no_data_without_a_notification(
    bench: Bench,
) -> None:
    await bench.see((WARNING, Condition.MISSING), value=None)
    assert bench.states == {}
    assert list(bench.book.tracked("host/cpu")) == [WARNING]
    await bench.see((WARNING, Condition.MISSING), at_ms=NOW_MS + MINUTE_MS, value=None)
    assert bench.states == {"warning": "no_data"}
    assert math.isnan(bench.book.open_alerts()[0].alert.value)
    await bench.see((WARNING, CLEAR), at_ms=NOW_MS + 2 * MINUTE_MS, value=5.0)
    assert (bench.states, bench.notified) == ({}, [])


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                HOLDS,
                Condition.LINGERS,
                CLEAR,
                Condition.MISSING,
                Condition.WITHDRAWN,
            ]
        ),
        st.sampled_from(
            [
                HOLDS,
                Condition.LINGERS,
                CLEAR,
                Condition.MISSING,
                Condition.WITHDRAWN,
            ]
        ),
        st.sampled_from([0, 1, MINUTE_MS]),
        st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_restarts_at_any_time_change_no_notification(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Condition, Condition, int, bool]]
) -> None:
    async def notifications(folder: Path, restarts: bool) -> list[tuple[str, str]]:
        async with open_records(folder / "records.db") as records:
            bench, now_ms = Bench(records), NOW_MS
            for critical, warning, later_ms, restart in steps:
                now_ms += later_ms
                if restart and restarts:
                    await bench.restart()
                await bench.see((CRITICAL, critical), (WARNING, warning), at_ms=now_ms)
            history = await records.history(1000)
            transitions = [(entry.before.value, entry.after.value) for entry in history]
            assert all(before != after for before, after in transitions)
            waiting = await records.waiting("log", 1000)
            assert len(waiting) == len(bench.notified)
            for severity in ("warning", "critical"):
                sent = [status for status, of in bench.notified if of == severity]
                assert sent == (["firing", "resolved"] * len(sent))[: len(sent)]
            return bench.notified

    sent = asyncio.run(notifications(tmp_path_factory.mktemp("restarted"), restarts=True))
    # Only the waits for missing data are lost in a restart.
    if not any(Condition.MISSING in step for step in steps):
        assert sent == asyncio.run(notifications(tmp_path_factory.mktemp("steady"), restarts=False))
