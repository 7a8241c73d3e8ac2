"""Every sample of a sender is stored once, whatever the order of requests."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from ingest.errors import MalformedMessageError, TooMuchError
from ingest.limits.write_limits import BudgetLimits, WriteLimits
from ingest.remote_write.receiver import WriteVersion
from model.labels import Labels
from model.metadata import MetricMetadata
from model.series import ORDINARY_NAN_BITS, STALE
from storage.api.errors import StorageError
from tests.ingest.remote_write.messages import Sample, Series, classic, series
from tests.ingest.remote_write.write_setting import NOW_MS, STEP_MS, Setting


def as_bits(many: Sequence[Series]) -> dict[Labels, dict[int, int]]:
    told: dict[Labels, dict[int, int]] = {}
    for one in many:
        for sample in one.samples:
            value = int(np.float64(sample.value).view(np.uint64))
            told.setdefault(Labels(one.labels), {})[sample.time_ms] = value
    return told


@pytest.mark.parametrize("version", list(WriteVersion))
async def test_samples_are_stored(setting: Setting, version: WriteVersion) -> None:
    many = [
        series("up", (NOW_MS, 1.0), job="node", instance="a:9100"),
        series("up", (NOW_MS, 0.0), (NOW_MS + 1, 2.5), job="node", instance="b:9100"),
        series("lonely", (NOW_MS - 7, -3.0)),
        series("ended", (NOW_MS, 1.0), (NOW_MS + 5, STALE), job="node", instance="a:9100"),
    ]
    result = await setting.send(*many, version=version)
    assert (result.written, result.rejected, result.messages) == (6, 0, [])
    assert await setting.stored() == as_bits(many)
    assert setting.receiver.series == 4


async def test_histograms_are_stored_as_classic_series_and_exemplars_not(setting: Setting) -> None:
    one = series("m", (NOW_MS, 1.0))
    with_others = Series(one.labels, one.samples, exemplars=2, metadata=True)
    histogram = Series((("__name__", "h"), ("job", "j")), histograms=1)
    for version in WriteVersion:
        result = await setting.send(with_others, histogram, version=version)
        assert (result.samples_written, result.exemplars, result.histograms_written) == (1, 2, 1)
        assert result.rejected == 0
    expected = as_bits([one])
    for labels, time_ms, value in classic(histogram):
        expected |= {labels: {time_ms: int(np.float64(value).view(np.uint64))}}
    assert await setting.stored() == expected


@pytest.mark.parametrize(
    ("version", "family"), [(WriteVersion.V1, "family"), (WriteVersion.V2, "m")]
)
async def test_metadata_is_kept(setting: Setting, version: WriteVersion, family: str) -> None:
    one = Series((("__name__", "m"),), (Sample(NOW_MS, 1.0),), metadata=True)
    await setting.send(one, version=version)
    known = setting.receiver.metadata.by_family()
    assert known == {family: {MetricMetadata("gauge", "Help.", "")}}


async def test_scrape_in_parts_is_one_vector(setting: Setting) -> None:
    many = [
        series(f"m{number}", (NOW_MS + tick * STEP_MS, float(number)), job="a", instance="b")
        for tick in range(3)
        for number in range(40)
    ]
    for at in range(0, len(many), 7):
        assert (await setting.send(*many[at : at + 7])).rejected == 0
    assert await setting.stored() == as_bits(many)
    assert await setting.sources() == 1


async def test_same_request_again_changes_nothing_even_after_a_restart(setting: Setting) -> None:
    many = [
        series(f"m{number}", *((NOW_MS + tick, 1.0) for tick in range(5)), job="a", instance="b")
        for number in range(9)
    ]
    for _ in range(2):
        for _ in range(2):
            result = await setting.send(*many)
            assert (result.written, result.rejected) == (45, 0)
        assert await setting.stored() == as_bits(many)
        assert await setting.sources() == 1
        await setting.restart()


async def test_second_value_at_a_time_is_rejected_and_the_rest_stored(setting: Setting) -> None:
    first = [series(name, (NOW_MS, 1.0), (NOW_MS + 9, 1.0), job="a") for name in "xy"]
    await setting.send(*first)
    fine = series("z", (NOW_MS, 7.0), job="a")
    for time_ms in (NOW_MS, NOW_MS + 9):
        result = await setting.send(series("x", (time_ms, 2.0), job="a"), fine)
        assert (result.written, result.rejected) == (1, 1)
        assert "duplicate sample for timestamp" in result.messages[0]
        assert 'x{job="a"}' in result.messages[0]
    result = await setting.send(series("w", (NOW_MS, 1.0), (NOW_MS, 1.0), (NOW_MS, 2.0)))
    assert (result.written, result.rejected) == (2, 1)
    expected = as_bits([*first, fine, series("w", (NOW_MS, 1.0))])
    assert await setting.stored() == expected


async def test_lagging_series_and_late_samples_are_stored(setting: Setting) -> None:
    fast = [series("fast", (NOW_MS + tick, float(tick)), job="a") for tick in range(20)]
    slow = [series("slow", (NOW_MS + tick, float(tick)), job="a") for tick in range(20)]
    for one in [*fast, *slow, *[series("late", (NOW_MS - tick, 1.0)) for tick in range(8)]]:
        assert (await setting.send(one)).rejected == 0
    late = [series("late", (NOW_MS - tick, 1.0)) for tick in range(8)]
    assert await setting.stored() == as_bits([*fast, *slow, *late])


async def test_late_samples_need_at_most_64_streams(setting: Setting) -> None:
    results = [await setting.send(series("late", (NOW_MS - tick, 1.0))) for tick in range(70)]
    refused = [result for result in results if result.rejected]
    assert len(refused) == 70 - 64
    assert "out of order sample" in refused[0].messages[0]


async def test_bad_series_and_implausible_times_are_rejected_and_the_rest_stored(
    setting: Setting,
) -> None:
    fine = series("fine", (NOW_MS, 1.0))
    result = await setting.send(
        Series((("__name__", "m"), ("a", "1"), ("a", "2")), (Sample(NOW_MS, 1.0),)),
        fine,
        series("future", (NOW_MS + 3_600_000, 1.0)),
        series("past", (-5, 1.0), (0, 1.0), (60_000, 1.0)),
    )
    assert (result.written, result.rejected) == (1, 5)
    for text in ("twice", "future", "old"):
        assert any(text in one for one in result.messages), text
    assert await setting.stored() == as_bits([fine])
    assert setting.receiver.series == 1


@pytest.mark.parametrize("version", WriteVersion)
async def test_labels_in_any_order_are_one_series(setting: Setting, version: WriteVersion) -> None:
    """As vmagent sends them by default."""
    pairs = (("__name__", "m"), ("instance", "a"), ("job", "j"), ("mode", "idle"))
    for tick, order in enumerate((pairs, pairs[::-1], pairs[2:] + pairs[:2])):
        sent = Series(order, (Sample(NOW_MS + tick, float(tick)),))
        assert (await setting.send(sent, version=version)).rejected == 0
    both = (
        Series(pairs, (Sample(NOW_MS + 9, 9.0),)),
        Series(pairs[::-1], (Sample(NOW_MS + 9, 9.0),)),
    )
    assert (await setting.send(*both, version=version)).rejected == 0
    [(labels, samples)] = (await setting.stored()).items()
    assert labels == Labels.of(pairs)
    assert list(samples) == [NOW_MS, NOW_MS + 1, NOW_MS + 2, NOW_MS + 9]
    assert setting.receiver.series == 1


async def test_the_bits_of_absent_are_stored_as_an_ordinary_nan(setting: Setting) -> None:
    absent = float(np.uint64(0x7FF0000000000A5B).view(np.float64))
    await setting.send(series("m", (NOW_MS, absent)))
    assert await setting.stored() == {Labels.of(__name__="m"): {NOW_MS: ORDINARY_NAN_BITS}}


async def test_senders_have_sources_of_their_own(setting: Setting) -> None:
    for tick in range(10):
        await setting.send(series("m", (NOW_MS + 2 * tick, 1.0)), sender="one")
        await setting.send(series("n", (NOW_MS + 2 * tick + 1, 2.0)), sender="two")
    assert {len(samples) for samples in (await setting.stored()).values()} == {10}
    assert await setting.sources() == 2


async def test_disconnect_of_a_client_leaves_a_consistent_state(setting: Setting) -> None:
    many = [series(f"m{number}", (NOW_MS, 1.0), job="a") for number in range(3000)]
    for _ in range(8):
        leaving = asyncio.ensure_future(setting.send(*many))
        await asyncio.sleep(0)
        leaving.cancel()
        with suppress(asyncio.CancelledError):
            await leaving
        staying = [series(f"m{number}", (NOW_MS + 1, 2.0), job="a") for number in range(1500)]
        assert (await setting.send(*staying)).messages == []
    assert (await setting.send(*many)).messages == []
    assert await setting.stored() == as_bits([*many, *staying])


async def test_limits(tmp_path: Path) -> None:
    limits = WriteLimits(decompressed_bytes=1000, sender=BudgetLimits(series=3))
    setting = await asyncio.to_thread(Setting, tmp_path / "data", NOW_MS, limits)
    with pytest.raises(TooMuchError, match="decompresses"):
        await setting.send(*[series("m", (NOW_MS, 1.0), padding="x" * 2000)])
    with pytest.raises(MalformedMessageError):
        await setting.receiver.receive("p", b"\xff\xff\xff\xff\xff\xff\xff", WriteVersion.V1)
    with pytest.raises(MalformedMessageError):
        await setting.receiver.receive("p", b"", WriteVersion.V1)
    result = await setting.send(*[series(f"m{number}", (NOW_MS, 1.0)) for number in range(5)])
    assert (result.written, result.rejected) == (3, 2)
    assert "3 of 3 series in use" in result.messages[0]
    await asyncio.to_thread(setting.close)


async def test_silent_sources_are_removed_and_return(setting: Setting) -> None:
    await setting.send(series("a", (NOW_MS, 1.0), job="a"))
    setting.now_ms += 25 * 3_600_000
    await setting.send(series("b", (setting.now_ms, 1.0), job="b"))
    assert setting.receiver.series == 1
    await setting.send(series("a", (setting.now_ms, 2.0), job="a"))
    assert setting.receiver.series == 2
    stored = await setting.stored()
    assert len(stored[Labels.of(__name__="a", job="a")]) == 2


@pytest.mark.parametrize("seed", range(12))
async def test_any_mix_of_shards_retries_lateness_and_restarts_loses_nothing(
    setting: Setting, seed: int
) -> None:
    rng = random.Random(seed)
    names = [(f"m{number % 7}", str(number % 3), str(number)) for number in range(30)]
    expected: list[Series] = []
    shards: list[list[Series]] = [[] for _ in range(rng.choice([1, 2, 3]))]
    for tick in range(25):
        for number, (name, instance, label) in enumerate(names):
            if rng.random() < 0.05:
                continue
            value = rng.choice([STALE, 0.0, float(tick), float(number)])
            time_ms = NOW_MS + tick * 1000
            one = series(name, (time_ms, value), job="j", instance=instance, n=label)
            expected.append(one)
            shards[number % len(shards)].append(one)
    while any(shards):
        shard = rng.choice([shard for shard in shards if shard])
        count = rng.choice([1, 5, 17, 60])
        batch, shard[:] = shard[:count], shard[count:]
        if rng.random() < 0.2:
            rng.shuffle(batch)
        version = rng.choice(list(WriteVersion))
        for _ in range(rng.choice([1, 1, 1, 2])):
            result = await setting.send(*batch, version=version)
            assert (result.written, result.messages) == (len(batch), [])
        if rng.random() < 0.05:
            await setting.restart()
        if rng.random() < 0.1:
            await asyncio.to_thread(setting.store.maintain, NOW_MS + 120_000)
    assert await setting.stored() == as_bits(expected)


async def test_columns_of_moved_series_are_removed(setting: Setting) -> None:
    def both(tick: int) -> list[Series]:
        return [series(name, (NOW_MS + tick, 1.0), job="a") for name in ("fast", "slow")]

    await setting.send(*both(0))
    await setting.send(series("fast", (NOW_MS + 2, 1.0), job="a"))
    # The lane has a later vector, so the series moves.
    await setting.send(series("slow", (NOW_MS + 1, 1.0), job="a"))
    for tick in range(3, 12):
        await setting.send(*both(tick))
    last = [
        setting.store.last_vector(setting.store.source(Labels.of(job="a"), stream))
        for stream in ("remote-write/prometheus/0", "remote-write/prometheus/1")
    ]
    assert [[labels.metric for labels in one.layout.series] for one in last if one] == [
        ["fast"],
        ["slow"],
    ]


async def test_concurrent_requests_of_a_sender_are_stored(
    setting: Setting,
) -> None:
    many = [
        [
            series(f"m{number}", (NOW_MS + tick, float(tick)), job="a", shard=str(shard))
            for tick in range(20)
            for number in range(60)
        ]
        for shard in range(3)
    ]

    async def shard(one: list[Series]) -> None:
        for at in range(0, len(one), 100):
            assert (await setting.send(*one[at : at + 100])).rejected == 0

    async with asyncio.TaskGroup() as tasks:
        for one in many:
            tasks.create_task(shard(one))
    assert await setting.stored() == as_bits([one for part in many for one in part])


@pytest.mark.parametrize("method", ["append", "amend", "commit"])
async def test_request_succeeds_again_after_a_storage_error(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def refuse(*_: object) -> None:
        raise StorageError("the disk is full")

    first = series("first", (NOW_MS, 1.0), job="a", instance="x")
    await setting.send(first)
    many = [
        series(f"m{number}", (NOW_MS, 1.0), job="a", instance=instance)
        for number in range(5)
        for instance in "xy"
    ]
    with monkeypatch.context() as patched:
        patched.setattr(setting.store, method, refuse)
        with pytest.raises(StorageError, match="disk is full"):
            await setting.send(*many)
    assert (await setting.send(*many)).written == 10
    assert await setting.stored() == as_bits([first, *many])


async def test_series_that_returns_keeps_its_number_while_dead_columns_are_removed(
    setting: Setting,
) -> None:
    hour_ms = 3_600_000
    gone = [series(f"gone{number}", (NOW_MS, 1.0), job="a") for number in range(40)]
    others = [series("other", (NOW_MS + hour_ms + tick, 1.0), job="a") for tick in range(1, 64)]
    setting.now_ms += 2 * hour_ms
    for one in ([*gone, series("other", (NOW_MS, 1.0), job="a")], others):
        assert (await setting.send(*one)).rejected == 0
    # The next vector is the 65th: the lane removes columns without a sample for an hour.
    back_ms = NOW_MS + hour_ms + 100
    request = [
        series("other", (back_ms, 1.0), job="a"),
        series("gone7", (back_ms + 1, 2.0), job="a"),
    ]
    assert (await setting.send(*request)).messages == []
    stored = await setting.stored()
    assert len(stored[Labels.of(__name__="gone7", job="a")]) == 2


async def test_late_samples_of_one_series_share_a_lane(setting: Setting) -> None:
    await setting.send(
        series("late", (NOW_MS, 1.0), job="a"), series("other", (NOW_MS, 1.0), job="a")
    )
    await setting.send(series("other", (NOW_MS + 1000, 1.0), job="a"))
    await setting.restart()
    late = series("late", *((NOW_MS + 1 + tick, float(tick)) for tick in range(100)), job="a")
    assert (await setting.send(late)).messages == []
    assert await setting.sources() == 2
