"""Start times of remote write 2.0 are stored, whatever the order of requests."""

import asyncio
import random

import pytest

from ingest.remote_write.receiver import WriteVersion
from model.labels import Labels
from model.series import is_absent
from promql.api import InstantVector
from promql.engine import EngineSettings, LocalEngine
from tests.ingest.remote_write.messages import Sample, Series
from tests.ingest.remote_write.write_setting import NOW_MS, STEP_MS, Setting

BEGUN_MS = NOW_MS - 3_600_000


def counter(name: str, time_ms: int, value: float, start_ms: int) -> Series:
    labels = Labels.of(__name__="jobs_total", instance="a:9100", job="node", name=name)
    return Series(tuple(labels), (Sample(time_ms, value, start_ms),))


async def query(setting: Setting, expression: str, time_ms: int) -> dict[str, float]:
    """Return the values of an instant query by the label `name`."""
    engine = LocalEngine(setting.store, EngineSettings())
    try:
        answer = await engine.instant(expression, time_ms)
    finally:
        await engine.close()
    assert isinstance(answer.value, InstantVector)
    names = [labels.get("name") for labels in answer.value.labels]
    return dict(zip(names, answer.value.values.tolist(), strict=True))


async def stored_starts(setting: Setting) -> dict[tuple[str, int], int]:
    """Return the start time of every sample in the store, by name and time."""
    found = {}
    parts = await asyncio.to_thread(setting.store.select, [], 0, 2 * NOW_MS, starts=True)
    for part in parts:
        assert part.starts_ms is not None
        for row, labels in enumerate(part.labels):
            there = ~is_absent(part.values[row])
            times = part.times_ms[part.rows[row], there].tolist()
            for time_ms, start_ms in zip(times, part.starts_ms[row, there].tolist(), strict=True):
                found[labels.get("name"), time_ms] = start_ms
    return found


# A sender splits a scrape into any number of requests.
@pytest.mark.parametrize("series_per_request", [1, 2, 4])
async def test_rate_sees_a_restart_by_its_start_time(
    setting: Setting, series_per_request: int
) -> None:
    for tick, value in enumerate((100.0, 200.0, 210.0)):
        time_ms = NOW_MS + tick * STEP_MS
        begun_ms = BEGUN_MS if tick < 2 else time_ms - 1
        scrape = [counter(name, time_ms, value, begun_ms) for name in "abc"]
        scrape.append(counter("without start", time_ms, value, 0))
        for at in range(0, len(scrape), series_per_request):
            some = scrape[at : at + series_per_request]
            assert (await setting.send(*some, version=WriteVersion.V2)).messages == []
    rates = await query(setting, "rate(jobs_total[31s])", NOW_MS + 2 * STEP_MS)
    restarted, continued = (100 + 210) / 30, 110 / 30
    expected = dict.fromkeys("abc", restarted) | {"without start": continued}
    assert rates == pytest.approx(expected)


async def test_implausible_start_times_are_ignored(setting: Setting) -> None:
    starts = (-1, -(2**63), NOW_MS + 1, 2**63 - 1, 5)
    await setting.send(
        *(counter(str(number), NOW_MS, 1.0, start) for number, start in enumerate(starts)),
        version=WriteVersion.V2,
    )
    expected = {(str(number), NOW_MS): 0 for number in range(4)} | {("4", NOW_MS): 5}
    assert await stored_starts(setting) == expected


async def test_start_time_is_unknown_once_samples_lack_it(setting: Setting) -> None:
    for tick, start_ms in enumerate((BEGUN_MS, BEGUN_MS, 0, 0, BEGUN_MS)):
        many = [counter(name, NOW_MS + tick, 1.0, start_ms) for name in "ab"]
        await setting.send(*many, version=WriteVersion.V2)
    expected = {NOW_MS + tick: 0 if tick in {2, 3} else BEGUN_MS for tick in range(5)}
    found = await stored_starts(setting)
    assert found == {(name, time): start for name in "ab" for time, start in expected.items()}


@pytest.mark.parametrize("shard_count", [1, 2, 3])
@pytest.mark.parametrize("seed", range(6))
async def test_start_times_survive_any_mix_of_requests_shards_and_restarts(
    setting: Setting, seed: int, shard_count: int
) -> None:
    rng = random.Random(seed)
    starts = {f"n{number}": BEGUN_MS for number in range(20)}
    expected = {}
    shards: list[list[Series]] = [[] for _ in range(shard_count)]
    for tick in range(40):
        time_ms = NOW_MS + tick * STEP_MS
        for number, (name, known) in enumerate(list(starts.items())):
            begun_ms = rng.choice([0, time_ms - 1, time_ms]) if rng.random() < 0.1 else known
            starts[name] = begun_ms
            if rng.random() < 0.8:
                one = counter(name, time_ms, rng.choice([0.0, 1.0, tick / 3]), begun_ms)
                shards[number % len(shards)].append(one)
                expected[name, time_ms] = begun_ms
    while any(shards):
        shard = rng.choice([shard for shard in shards if shard])
        count = rng.choice([3, 7, 20])
        batch, shard[:] = shard[:count], shard[count:]
        assert (await setting.send(*batch, version=WriteVersion.V2)).messages == []
        if rng.random() < 0.05:
            await setting.restart()
        if rng.random() < 0.05:
            await asyncio.to_thread(setting.store.maintain, NOW_MS + 120_000)
    found = await stored_starts(setting)
    assert found.keys() == expected.keys()
    if shard_count == 1:
        assert found == expected
    # If a series changes its lane when its counter restarts, its previous start time may be
    # returned, which hides one restart. A wrong start time is never invented.
    for (name, time_ms), start_ms in found.items():
        sent_before = {
            start for (one, at), start in expected.items() if one == name and at <= time_ms
        }
        assert start_ms in {0, *sent_before}
