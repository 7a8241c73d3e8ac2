import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerting.book.book import AlertBook, AlertKey, Reading
from alerting.book.live_alerts import LiveAlerts
from alerting.book.states import Notice, Sight, Timing
from model.labels import Labels
from storage.api.alerts import Alert, AlertChange, NewNotification
from storage.api.errors import NotFoundError, StorageError
from tests.alerting.alerting_doubles import NOW_MS, WatchedAlerts, open_records

MINUTE_MS = 60_000
TIMING = Timing(for_ms=MINUTE_MS, no_data_for_ms=MINUTE_MS)
WARNING = AlertKey("host/cpu", Labels.of(instance="web-1", severity="warning"))
CRITICAL = AlertKey("host/cpu", Labels.of(instance="web-1", severity="critical"))


class Bench:
    """A book over real records, and what it told."""

    def __init__(self, records: WatchedAlerts) -> None:
        self.records = records
        self.told: list[tuple[str, str]] = []
        self.published: list[AlertChange] = []
        self.book = self.fresh()

    def fresh(self) -> AlertBook:
        return AlertBook(self.records, self._compose, self.published.extend)

    def _compose(
        self, alert: Alert, notice: Notice, expression: str
    ) -> tuple[NewNotification, ...]:
        self.told.append((notice.value, alert.labels.get("severity")))
        return (NewNotification("log", expression),)

    async def restart(self) -> None:
        self.book = self.fresh()
        stored = await self.records.open_alerts()
        self.book.restore((AlertKey(a.rule, a.labels.drop({"alertname"})), a) for a in stored)

    async def see(
        self, *sights: tuple[AlertKey, Sight], at_ms: int = NOW_MS, value: float | None = 91.0
    ) -> None:
        readings = [
            Reading(
                key,
                sight,
                TIMING,
                value,
                key.labels.overlaid(Labels.of(alertname="HostHighCpu")),
                Labels.of(summary=f"at {value}") if sight is Sight.HOLDS else None,
                "cpu",
                yields_to=(CRITICAL,) if key is WARNING else (),
            )
            for key, sight in sights
        ]
        await self.book.apply(readings, at_ms)

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
    await bench.see((WARNING, Sight.HOLDS))
    assert (bench.states, bench.told) == ({"warning": "pending"}, [])
    await bench.see((WARNING, Sight.HOLDS), at_ms=NOW_MS + MINUTE_MS, value=95.0)
    assert (bench.states, bench.told) == ({"warning": "firing"}, [("firing", "warning")])
    await bench.see((WARNING, Sight.CLEAR), at_ms=NOW_MS + 2 * MINUTE_MS, value=10.0)
    assert (bench.states, bench.told[1:]) == ({}, [("resolved", "warning")])
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
    await bench.see((WARNING, Sight.HOLDS))
    await bench.see((WARNING, Sight.CLEAR), at_ms=NOW_MS + 1)
    assert (bench.states, bench.told) == ({}, [])
    assert [entry.after for entry in await bench.records.history(10)] == ["inactive", "pending"]
    assert bench.book.rules() == []


async def test_open_alert_shows_its_latest_value_without_a_write(bench: Bench) -> None:
    await bench.see((WARNING, Sight.HOLDS))
    await bench.see((WARNING, Sight.HOLDS), at_ms=NOW_MS + 1, value=99.0)
    [item] = bench.book.open_alerts("host/cpu")
    assert (item.alert.value, item.alert.annotations) == (99.0, Labels.of(summary="at 99.0"))
    assert (await bench.records.alert(item.alert.id)).value == 91.0


async def test_people_read_open_alerts_as_they_are_now(bench: Bench) -> None:
    await bench.see((WARNING, Sight.HOLDS))
    await bench.see((WARNING, Sight.HOLDS), at_ms=NOW_MS + 1, value=99.0)
    live = LiveAlerts(bench.records, bench.book)
    [alert] = await live.open_alerts()
    assert (alert.value, await live.alert(alert.id)) == (99.0, alert)
    assert [entry.alert_id for entry in await live.history(5)] == [alert.id]
    for nothing in (await live.resolved(5), await live.notifications(5), await live.overrides()):
        assert list(nothing) == []


async def test_critical_speaks_for_the_warning(bench: Bench) -> None:
    both = ((CRITICAL, Sight.HOLDS), (WARNING, Sight.HOLDS))
    await bench.see(*both)
    await bench.see(*both, at_ms=NOW_MS + MINUTE_MS)
    assert bench.told == [("firing", "critical")]
    assert bench.states == {"critical": "firing", "warning": "pending"}
    held = {item.alert.labels.get("severity"): item.held_by for item in bench.book.open_alerts()}
    assert held == {"critical": "", "warning": "HostHighCpu critical"}
    # Down to the warning's range: now the warning speaks for itself, at once.
    later_ms = NOW_MS + 2 * MINUTE_MS
    await bench.see((CRITICAL, Sight.CLEAR), (WARNING, Sight.HOLDS), at_ms=later_ms)
    assert bench.told[1:] == [("resolved", "critical"), ("firing", "warning")]
    await bench.see((WARNING, Sight.CLEAR), at_ms=later_ms + 1)
    assert bench.told[3:] == [("resolved", "warning")]


async def test_warning_that_was_told_before_the_critical_is_resolved_too(bench: Bench) -> None:
    await bench.see((WARNING, Sight.HOLDS))
    await bench.see((CRITICAL, Sight.HOLDS), (WARNING, Sight.HOLDS), at_ms=NOW_MS + MINUTE_MS)
    end_ms = NOW_MS + 2 * MINUTE_MS
    await bench.see((CRITICAL, Sight.HOLDS), (WARNING, Sight.HOLDS), at_ms=end_ms)
    await bench.see((CRITICAL, Sight.CLEAR), (WARNING, Sight.CLEAR), at_ms=end_ms + 1)
    assert bench.told == [
        ("firing", "warning"),
        ("firing", "critical"),
        ("resolved", "critical"),
        ("resolved", "warning"),
    ]


async def test_failed_write_changes_nothing_and_is_made_up_for(bench: Bench) -> None:
    await bench.see((WARNING, Sight.HOLDS))
    original = bench.records.record

    async def refuse(changes: Sequence[AlertChange], now_ms: int) -> Sequence[Alert]:
        raise StorageError("disk full")

    bench.records.record = refuse  # type: ignore[method-assign]
    with pytest.raises(StorageError):
        await bench.see((WARNING, Sight.HOLDS), at_ms=NOW_MS + MINUTE_MS)
    assert bench.states == {"warning": "pending"}
    assert len(bench.published) == 1
    bench.records.record = original  # type: ignore[method-assign]
    await bench.see((WARNING, Sight.HOLDS), at_ms=NOW_MS + MINUTE_MS + 1)
    assert bench.states == {"warning": "firing"}
    assert len(await bench.records.waiting("log", 10)) == 1


async def test_cancelled_evaluation_still_agrees_with_what_was_stored(bench: Bench) -> None:
    stored, go_on = asyncio.Event(), asyncio.Event()
    original = bench.records.record

    async def slow(changes: Sequence[AlertChange], now_ms: int) -> Sequence[Alert]:
        alerts = await original(changes, now_ms)
        stored.set()
        await go_on.wait()
        return alerts

    bench.records.record = slow  # type: ignore[method-assign]
    task = asyncio.create_task(bench.see((WARNING, Sight.HOLDS)))
    await stored.wait()
    task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.states == {"warning": "pending"}
    [alert] = await bench.records.open_alerts()
    assert bench.book.open_alerts()[0].alert == alert


async def test_firing_alert_stays_firing_over_a_restart_without_a_word(bench: Bench) -> None:
    await bench.see((WARNING, Sight.HOLDS))
    await bench.see((WARNING, Sight.HOLDS), at_ms=NOW_MS + MINUTE_MS)
    await bench.restart()
    await bench.see((WARNING, Sight.HOLDS), at_ms=NOW_MS + 5 * MINUTE_MS)
    assert bench.told == [("firing", "warning")]
    assert bench.states == {"warning": "firing"}


async def test_alert_that_cleared_while_the_server_was_down_resolves_once(bench: Bench) -> None:
    await bench.see((WARNING, Sight.HOLDS))
    await bench.see((WARNING, Sight.HOLDS), at_ms=NOW_MS + MINUTE_MS)
    await bench.restart()
    await bench.see((WARNING, Sight.CLEAR), at_ms=NOW_MS + 5 * MINUTE_MS)
    await bench.see((WARNING, Sight.CLEAR), at_ms=NOW_MS + 6 * MINUTE_MS)
    assert bench.told[1:] == [("resolved", "warning")]


async def test_acknowledgement_shows_ends_with_the_alert_and_hides_no_recovery(
    bench: Bench,
) -> None:
    await bench.see((WARNING, Sight.HOLDS))
    await bench.see((WARNING, Sight.HOLDS), at_ms=NOW_MS + MINUTE_MS)
    [item] = bench.book.open_alerts()
    await bench.book.acknowledge(item.alert.id, "ada", NOW_MS + MINUTE_MS + 1)
    assert bench.published[-1].alert.acknowledged_by == "ada"
    await bench.see((WARNING, Sight.HOLDS), at_ms=NOW_MS + 2 * MINUTE_MS)
    assert bench.book.open_alerts()[0].alert.acknowledged_by == "ada"
    await bench.see((WARNING, Sight.CLEAR), at_ms=NOW_MS + 3 * MINUTE_MS)
    assert bench.told[1:] == [("resolved", "warning")]
    await bench.see((WARNING, Sight.HOLDS), at_ms=NOW_MS + 4 * MINUTE_MS)
    assert bench.book.open_alerts()[0].alert.acknowledged_by is None
    with pytest.raises(NotFoundError):
        await bench.book.acknowledge(item.alert.id, "ada", NOW_MS + 5 * MINUTE_MS)


async def test_data_that_vanish_while_all_is_well_open_an_alert_without_a_notification(
    bench: Bench,
) -> None:
    await bench.see((WARNING, Sight.MISSING), value=None)
    assert bench.states == {}
    assert list(bench.book.tracked("host/cpu")) == [WARNING]
    await bench.see((WARNING, Sight.MISSING), at_ms=NOW_MS + MINUTE_MS, value=None)
    assert bench.states == {"warning": "no_data"}
    assert math.isnan(bench.book.open_alerts()[0].alert.value)
    await bench.see((WARNING, Sight.CLEAR), at_ms=NOW_MS + 2 * MINUTE_MS, value=5.0)
    assert (bench.states, bench.told) == ({}, [])


STEPS = st.lists(
    st.tuples(
        st.sampled_from([Sight.HOLDS, Sight.LINGERS, Sight.CLEAR, Sight.MISSING, Sight.WITHDRAWN]),
        st.sampled_from([Sight.HOLDS, Sight.LINGERS, Sight.CLEAR, Sight.MISSING, Sight.WITHDRAWN]),
        st.sampled_from([0, 1, MINUTE_MS]),
        st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_restarts_at_any_time_change_nothing_that_receivers_hear(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Sight, Sight, int, bool]]
) -> None:
    async def heard(folder: Path, restarts: bool) -> list[tuple[str, str]]:
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
            assert len(waiting) == len(bench.told)
            for severity in ("warning", "critical"):
                told = [notice for notice, of in bench.told if of == severity]
                assert told == (["firing", "resolved"] * len(told))[: len(told)]
            return bench.told

    told = asyncio.run(heard(tmp_path_factory.mktemp("restarted"), restarts=True))
    # Without missing data nothing waits in memory only, so both lives are the same.
    if not any(Sight.MISSING in step for step in steps):
        assert told == asyncio.run(heard(tmp_path_factory.mktemp("steady"), restarts=False))
