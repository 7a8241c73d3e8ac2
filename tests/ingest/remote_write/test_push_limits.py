"""No sender has more than its limits allow, and no series within them is lost."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from ingest.errors import PushLimitError, TooMuchError
from ingest.limits.write_limits import (
    LABEL_LIMITS,
    BudgetLimits,
    RequestLimits,
    WriteLimits,
)
from ingest.remote_write.receiver import WriteVersion
from ingest.series import placement, time_slices
from ingest.series.lane import Lane
from ingest.series.series_cache import SeriesCache
from model.label_limits import memory_of
from model.labels import Labels
from model.limits import LimitName
from model.memory_pressure import MemoryLimitError, MemoryPressure
from tests.ingest.remote_write.messages import Series, series
from tests.ingest.remote_write.write_setting import NOW_MS, Setting

Budgets = BudgetLimits


async def opened(tmp_path: Path, **limits: object) -> Setting:
    return await asyncio.to_thread(Setting, tmp_path / "data", NOW_MS, WriteLimits(**limits))  # type: ignore[arg-type]


async def test_long_labels_are_refused_and_the_rest_is_stored(setting: Setting) -> None:
    value = "x" * 62_000
    result = await setting.send(series("fine", (NOW_MS, 1.0)), series("m", (NOW_MS, 1.0), a=value))
    assert (result.written, result.rejected) == (1, 1)
    assert result.refused == {LimitName.PUSH_LABEL_VALUE_LENGTH: 1}
    assert result.retry_after_s == 0
    assert list(await setting.stored()) == [Labels.of(__name__="fine")]
    assert setting.refusals.totals()[LimitName.PUSH_LABEL_VALUE_LENGTH] == 1


@pytest.mark.parametrize(
    ("limits", "refused", "limit"),
    [
        (
            {"labels": replace(LABEL_LIMITS, labels=3)},
            series("m", (NOW_MS, 1.0), a="1", b="2", c="3"),
            LimitName.PUSH_LABELS,
        ),
        (
            {"labels": replace(LABEL_LIMITS, name_length=20)},
            series("m", (NOW_MS, 1.0), **{"n" * 21: "1"}),
            LimitName.PUSH_LABEL_NAME_LENGTH,
        ),
        (
            {"labels": replace(LABEL_LIMITS, label_bytes=200)},
            series("m", (NOW_MS, 1.0), a="x" * 150, b="y" * 150),
            LimitName.PUSH_LABEL_BYTES,
        ),
        (
            {"sender": Budgets(streams=1)},
            series("m", (NOW_MS, 1.0), instance="b:1"),
            LimitName.SENDER_STREAMS,
        ),
        (
            {"sender": Budgets(label_bytes=300)},
            series("m", (NOW_MS, 1.0), a="x" * 400),
            LimitName.SENDER_LABEL_BYTES,
        ),
        (
            {"token": Budgets(streams=1)},
            series("m", (NOW_MS, 1.0), instance="b:1"),
            LimitName.TOKEN_STREAMS,
        ),
        (
            {"token": Budgets(label_bytes=300)},
            series("m", (NOW_MS, 1.0), a="x" * 400),
            LimitName.TOKEN_LABEL_BYTES,
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, LimitName) else "",
)
async def test_each_limit_refuses_one_series_by_name_and_stores_the_others(
    tmp_path: Path, limits: dict[str, object], refused: Series, limit: LimitName
) -> None:
    setting = await opened(tmp_path, **limits)
    fine = series("fine", (NOW_MS, 1.0), instance="a:1")
    assert (await setting.send(fine, token="t")).refused == {}
    result = await setting.send(
        series("fine", (NOW_MS + 1, 1.0), instance="a:1"), refused, token="t"
    )
    assert (result.written, result.refused) == (1, {limit: 1})
    assert setting.refusals.totals()[limit] == 1
    assert list(await setting.stored()) == [Labels.of(__name__="fine", instance="a:1")]
    await asyncio.to_thread(setting.close)


async def test_request_with_too_many_series_or_samples_is_refused_whole(tmp_path: Path) -> None:
    setting = await opened(tmp_path, request=RequestLimits(series=2, samples=3))
    many = [series(f"m{number}", (NOW_MS, 1.0)) for number in range(3)]
    with pytest.raises(TooMuchError):
        await setting.send(*many)
    with pytest.raises(TooMuchError):
        await setting.send(series("m", *((NOW_MS + tick, 1.0) for tick in range(4))))
    assert setting.refusals.totals()[LimitName.PUSH_REQUEST] == 2
    assert await setting.stored() == {}
    await asyncio.to_thread(setting.close)


async def test_token_above_its_rate_is_refused_once_it_would_wait_too_long(tmp_path: Path) -> None:
    setting = await opened(tmp_path, token=Budgets(samples_per_second=1))
    many = [series(f"m{number}", (NOW_MS, 1.0)) for number in range(40)]
    await setting.send(*many, token="t")
    with pytest.raises(PushLimitError, match=r"ingest\.token\.samples_per_second"):
        await setting.send(*many, token="t")
    assert setting.refusals.totals()[LimitName.TOKEN_SAMPLES] == 1
    assert (await setting.send(*many, token="u")).written == 40
    await asyncio.to_thread(setting.close)


@pytest.mark.parametrize("seed", range(8))
async def test_any_requests_stay_within_the_limits_and_lose_no_series(
    tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    limits = Budgets(series=rng.randint(5, 30), streams=rng.randint(2, 8), label_bytes=1500)
    setting = await opened(tmp_path, sender=limits, source_series=rng.randint(3, 9))
    expected: dict[Labels, set[int]] = {}
    for tick in range(30):
        many = [
            series(
                f"m{rng.randrange(6)}",
                (NOW_MS + tick * 1000, float(tick)),
                instance=str(rng.randrange(9)),
                n="x" * rng.randrange(60),
            )
            for _ in range(rng.randint(1, 12))
        ]
        many = list({one.labels: one for one in many}.values())
        known = {labels: one for one in many if (labels := Labels(one.labels)) in expected}
        result = await setting.send(*many)
        stored = await setting.stored()
        # Series that were accepted once are accepted for good.
        for labels in known:
            assert NOW_MS + tick * 1000 in stored[labels]
        for labels, samples in expected.items():
            assert samples <= stored[labels].keys()
        expected = {labels: set(samples) for labels, samples in stored.items()}
        assert result.written + result.rejected == len(many)
        assert bool(result.rejected) == bool(result.refused)
        budget = setting.receiver._intake.sender("prometheus").budgets.sender
        assert budget.series == len(expected) <= limits.series
        assert budget.streams <= limits.streams
        assert budget.label_bytes == sum(map(memory_of, expected)) <= limits.label_bytes
    assert sum(setting.refusals.totals().values())
    await asyncio.to_thread(setting.close)


async def test_series_of_before_a_restart_count_and_are_accepted(tmp_path: Path) -> None:
    setting = await opened(tmp_path, sender=Budgets(series=3, streams=1))
    many = [series(f"m{number}", (NOW_MS, 1.0)) for number in range(3)]
    await setting.send(*many)
    await setting.restart()
    later = [series(f"m{number}", (NOW_MS + 1000, 1.0)) for number in range(4)]
    result = await setting.send(*later)
    assert (result.written, result.refused) == (3, {LimitName.SENDER_SERIES: 1})
    await asyncio.to_thread(setting.close)


async def test_silent_series_make_room_for_others(tmp_path: Path) -> None:
    setting = await opened(tmp_path, sender=Budgets(series=2, streams=2, label_bytes=100))
    await setting.send(series("a", (NOW_MS, 1.0), job="a"), series("b", (NOW_MS, 1.0), job="b"))
    setting.now_ms += 25 * 3_600_000
    assert (await setting.send(series("c", (setting.now_ms, 1.0), job="c"))).rejected == 1
    assert (await setting.send(series("c", (setting.now_ms, 1.0), job="c"))).rejected == 0
    await asyncio.to_thread(setting.close)


async def test_refused_series_leave_nothing_in_the_store(tmp_path: Path) -> None:
    setting = await opened(tmp_path, sender=Budgets(series=1))
    many = [series("m", (NOW_MS, 1.0), instance=str(number)) for number in range(9)]
    await setting.send(*many)
    assert len(setting.store._sources) == 1
    assert len(setting.receiver._intake.sender("prometheus")._table.sources) == 1
    await asyncio.to_thread(setting.close)


async def test_too_many_new_series_a_minute_are_refused_for_now(tmp_path: Path) -> None:
    setting = await opened(tmp_path, token=Budgets(new_series_per_minute=2))
    many = [series(f"m{number}", (NOW_MS, 1.0)) for number in range(9)]
    first = await setting.send(*many, token="a")
    assert (first.written, first.refused) == (3, {LimitName.TOKEN_NEW_SERIES: 6})
    assert first.retry_after_s == 30
    # Another token has a limit of its own; known series are always accepted.
    assert (await setting.send(*many[:3], token="a")).refused == {}
    assert (await setting.send(*many[3:5], token="b")).refused == {}
    setting.now_ms += 60_000
    assert (await setting.send(*many[5:7], token="a")).refused == {}
    await asyncio.to_thread(setting.close)


async def test_sender_above_its_rate_is_slowed_down(tmp_path: Path) -> None:
    setting = await opened(tmp_path, sender=Budgets(samples_per_second=1))
    many = [series(f"m{number}", (NOW_MS, 1.0)) for number in range(15)]
    await setting.send(*many)
    slept: list[float] = []

    async def sleep(time_s: float) -> None:
        slept.append(time_s)
        setting.now_ms += round(time_s * 1000)

    with patch("ingest.intake.asyncio.sleep", sleep):
        assert (await setting.send(*many)).written == 15
        assert slept == [5.0]
        with pytest.raises(PushLimitError, match="samples a second"):
            await setting.send(*many)
    assert setting.refusals.totals()[LimitName.SENDER_SAMPLES] == 1
    await asyncio.to_thread(setting.close)


async def test_requests_that_wait_are_bounded(tmp_path: Path) -> None:
    setting = await opened(tmp_path, waiting_bytes=100)
    sender = setting.receiver._intake.sender("prometheus")
    async with sender.turn_for(90):
        with pytest.raises(PushLimitError) as caught:
            await setting.send(series("m", (NOW_MS, 1.0)))
    assert caught.value.retry_after_s
    assert setting.refusals.totals()[LimitName.PUSH_WAITING] == 1
    # One request is always taken, however large it is.
    many = [series(f"m{number}", (NOW_MS, 1.0), a=str(number)) for number in range(50)]
    assert (await setting.send(*many)).written == 50
    await asyncio.to_thread(setting.close)


async def test_new_series_are_refused_earlier_than_large_pushes(
    setting: Setting,
) -> None:
    known = series("known", (NOW_MS, 1.0))
    await setting.send(known)
    setting.memory.limit_bytes, setting.memory.resident_bytes = 100, 54
    assert (await setting.send(series("new", (NOW_MS, 1.0)))).written == 1
    setting.memory.pressure = MemoryPressure.HIGH
    with pytest.raises(MemoryLimitError, match="this large push"):
        await setting.receiver.receive("prometheus", bytes(2**20 + 1), WriteVersion.V1)
    setting.memory.resident_bytes = 56
    result = await setting.send(
        series("known", (NOW_MS + 1, 1.0)), series("newer", (NOW_MS + 1, 1.0))
    )
    assert (result.written, result.refused) == (1, {LimitName.MEMORY: 1})
    assert setting.refusals.totals()[LimitName.MEMORY] == 2


async def test_source_whose_lanes_are_full_grows_once_a_request(setting: Setting) -> None:
    added: list[int] = []
    add = Lane.add

    def counted(lane: Lane, some: list[Labels], owners: list[int]) -> object:
        added.append(len(some))
        return add(lane, some, owners)

    with (
        patch.object(placement, "_LANE_COLUMNS", 4),
        patch.object(placement, "MOST_LANES", 3),
        patch.object(Lane, "add", counted),
    ):
        many = [series(f"m{number}", (NOW_MS, 1.0)) for number in range(100)]
        assert (await setting.send(*many)).written == 100
    assert added == [4, 4, 4, 88]


async def test_other_tasks_run_while_a_request_adds_sources(setting: Setting) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    many: list[Series] = [series("m", (NOW_MS, 1.0), instance=str(number)) for number in range(200)]
    with patch.object(time_slices, "_SLICE_S", 0.0):
        running = asyncio.create_task(others())
        await setting.send(*many)
        running.cancel()
    # Once for each source that is placed, and for each vector that is appended.
    assert turns >= 400


async def test_silent_sources_are_removed_in_one_search_of_the_cache(setting: Setting) -> None:
    await setting.send(*[series("m", (NOW_MS, 1.0), job=str(number)) for number in range(9)])
    setting.now_ms += 25 * 3_600_000
    searches: list[int] = []
    remove = SeriesCache.remove

    def counted(cache: SeriesCache, numbers: set[int]) -> None:
        searches.append(len(numbers))
        remove(cache, numbers)

    with patch.object(SeriesCache, "remove", counted):
        await setting.send(series("n", (setting.now_ms, 1.0), job="n"))
    assert searches == [9]
