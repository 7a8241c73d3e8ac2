import asyncio
import time
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from scraper.scheduling.slots import Slot, SlotScheduler, SlotTrigger
from tests.patience import PATIENCE_S

NOW_MS = 1_700_000_000_000


@given(st.text(), st.integers(1, 3_600_000), st.integers(NOW_MS, NOW_MS + 10**7))
def test_nominal_times_belong_to_the_slot_and_are_at_most_slightly_ahead(
    identity: str, interval_ms: int, now_ms: int
) -> None:
    slot = Slot.of(identity, interval_ms)
    assert 0 <= slot.offset_ms < interval_ms
    for time_ms in (slot.nominal_ms(now_ms), slot.next_ms(now_ms)):
        assert (time_ms - slot.offset_ms) % interval_ms == 0
    assert now_ms - interval_ms <= slot.nominal_ms(now_ms) <= now_ms + 10
    assert now_ms < slot.next_ms(now_ms) <= now_ms + interval_ms


def test_timer_that_fires_slightly_early_gets_the_next_nominal_time() -> None:
    slot = Slot(1000, 300)
    assert slot.nominal_ms(NOW_MS + 299) == NOW_MS + 300
    assert slot.nominal_ms(NOW_MS + 280) == NOW_MS - 700


def test_identities_spread_over_the_slots() -> None:
    offsets = [Slot.of(f"host-{i}", 15_000).offset_ms for i in range(1000)]
    assert len(set(offsets)) == 100
    assert max(offsets.count(offset) for offset in offsets) < 40


@given(st.integers(50, 3_600_000), st.integers(-3_600_000, 10**11))
def test_times_missed_while_the_clock_was_set_ahead_are_one_time(
    interval_ms: int, ahead_ms: int
) -> None:
    planned, interval = datetime.fromtimestamp(NOW_MS / 1000, UTC), interval_ms / 1000
    now = planned + timedelta(milliseconds=ahead_ms)
    trigger = SlotTrigger(seconds=interval, start_date=planned, timezone=UTC)
    # As APScheduler does: every missed time in turn.
    due = [planned] if planned <= now else []
    while due and (following := trigger.get_next_fire_time(due[-1], now)) and following <= now:
        due.append(following)
        assert len(due) <= 3
    for one in due:
        since_s = (one - planned).total_seconds()
        assert abs(since_s - round(since_s / interval) * interval) < 1e-3
    if due:
        assert now - due[-1] <= timedelta(seconds=interval, milliseconds=1)


async def test_keys_start_at_their_slots_times_until_removed() -> None:
    started: list[tuple[str, int]] = []
    twice = asyncio.Event()

    def start(key: str, nominal_ms: int) -> None:
        started.append((key, nominal_ms))
        if len(started) >= 4:
            twice.set()

    slots = SlotScheduler(start, lambda _: None, lambda: time.time_ns() // 1_000_000)
    slot = Slot(50, 20)
    slots.add("a", slot)
    slots.open()
    slots.add("b", slot)
    slots.add("c", slot)
    slots.remove("c", slot)
    async with asyncio.timeout(PATIENCE_S):
        await twice.wait()
    await slots.close()
    assert [key for key, _ in started[:4]] == ["a", "b", "a", "b"]
    assert {nominal_ms % 50 for _, nominal_ms in started} == {20}
    count = len(started)
    slots.remove("a", slot)
    slots.remove("b", slot)
    assert len(started) == count


async def test_skipped_ticks_are_counted_as_missed() -> None:
    now_ms = NOW_MS
    started: list[int] = []
    missed: list[int] = []
    slots: SlotScheduler[str] = SlotScheduler(
        lambda _, at: started.append(at),
        missed.append,
        lambda: now_ms,
        monotonic=lambda: now_ms / 1000,
    )
    slot = Slot(1000, 0)
    slots.add("a", slot)
    slots.add("b", slot)
    await slots._tick(slot)
    now_ms += 4_100
    await slots._tick(slot)
    assert started == [NOW_MS, NOW_MS, NOW_MS + 4000, NOW_MS + 4000]
    assert missed == [6]


async def test_no_slot_starts_twice_when_the_clock_is_set_back() -> None:
    now_ms = NOW_MS
    started: list[int] = []
    slots: SlotScheduler[str] = SlotScheduler(
        lambda _, at: started.append(at), lambda _: None, lambda: now_ms
    )
    slots.add("a", Slot(1000, 0))
    await slots._tick(Slot(1000, 0))
    now_ms -= 5_000
    await slots._tick(Slot(1000, 0))
    assert started == [NOW_MS]


async def test_ticks_that_a_blocked_loop_gets_at_once_are_not_refused() -> None:
    started: list[int] = []
    missed: list[int] = []
    begun = asyncio.Event()

    def start(_: str, nominal_ms: int) -> None:
        started.append(nominal_ms)
        begun.set()

    slot = Slot(3_600_000, 0)
    slots = SlotScheduler(start, missed.append, lambda: NOW_MS + 20)
    slots.add("a", slot)
    slots.open()
    (job,) = slots._scheduler.get_jobs()
    executor = slots._scheduler._lookup_executor("default")
    # The event loop does not run between these calls, as if it were blocked.
    for _ in range(3):
        executor.submit_job(job, [datetime.now(UTC)])
    async with asyncio.timeout(PATIENCE_S):
        await begun.wait()
    await slots.close()
    assert started == [slot.nominal_ms(NOW_MS + 20)]
    assert missed == []
