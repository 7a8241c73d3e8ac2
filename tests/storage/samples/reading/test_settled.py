"""Settled samples are decoded once, and the cache never returns outdated ones."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from model.labels import Labels
from model.series import NO_TIME, AlignedSeries, Values, is_absent
from storage.api.examined_series import ExaminedSeries
from storage.samples.reading import chunk_reader
from storage.samples.reading.settled import Settled
from storage.samples.store import SqliteSampleStore
from storage.samples.windows import codec
from tests.storage.samples.naive_model import Samples, clipped, samples_of
from tests.storage.samples.sample_builders import BASE_MS, named, series, small, whole

STEP_MS = 15_000
HOUR_MS = 3_600_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteSampleStore]:
    store = SqliteSampleStore(tmp_path, small(recent_bytes=0, chunk_vectors=7), clock=lambda: 0)
    store.open()
    yield store
    store.close()


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the pieces that are decoded."""
    pieces: list[int] = []
    decode = codec.decode_piece

    def counting(data: bytes, width: int, count: int) -> Values:
        pieces.append(count)
        return decode(data, width, count)

    monkeypatch.setattr(chunk_reader, "decode_piece", counting)
    return pieces


def fill(store: SqliteSampleStore, ticks: range, hosts: int = 4, phase_ms: int = 700) -> None:
    layout = store.layout(series("load", "other"))
    for tick in ticks:
        for host in range(hosts):
            source = store.source(Labels.of(instance=str(host)))
            time_ms = BASE_MS + tick * STEP_MS + host * phase_ms
            store.append(source, whole(layout, time_ms, tick + host / 10, tick))


def load(store: SqliteSampleStore, start_ms: int, end_ms: int) -> Samples:
    return clipped(samples_of(store.select(named("load"), start_ms, end_ms)), start_ms, end_ms)


def test_the_same_hours_are_decoded_once(store: SqliteSampleStore, decoded: list[int]) -> None:
    fill(store, range(62))
    store.maintain(BASE_MS + HOUR_MS)
    first = load(store, BASE_MS, BASE_MS + HOUR_MS)
    assert decoded
    decoded.clear()
    assert load(store, BASE_MS, BASE_MS + HOUR_MS) == first
    part = load(store, BASE_MS + 10 * STEP_MS, BASE_MS + 30 * STEP_MS)
    assert part == clipped(first, BASE_MS + 10 * STEP_MS, BASE_MS + 30 * STEP_MS)
    assert not decoded


def test_a_refreshed_dashboard_decodes_the_end_only(
    store: SqliteSampleStore, decoded: list[int]
) -> None:
    fill(store, range(243))
    store.maintain(BASE_MS + HOUR_MS)
    load(store, BASE_MS, BASE_MS + HOUR_MS)
    assert sum(decoded) > 200 * 4
    fill(store, range(243, 249))
    store.maintain(BASE_MS + HOUR_MS)
    decoded.clear()
    found = load(store, BASE_MS, BASE_MS + 2 * HOUR_MS)
    assert [len(samples) for samples in found.values()] == [249] * 4
    assert sum(decoded) <= 20 * 4


def test_late_samples_of_a_buffering_host_are_found(store: SqliteSampleStore) -> None:
    fill(store, range(60))
    store.maintain(BASE_MS + HOUR_MS)
    load(store, BASE_MS, BASE_MS + HOUR_MS)
    late = store.source(Labels.of(instance="late"))
    store.append(late, whole(store.layout(series("load")), BASE_MS + 100, 7))
    found = load(store, BASE_MS, BASE_MS + HOUR_MS)
    assert len(found) == 5


def test_samples_deleted_by_retention_are_not_cached(tmp_path: Path) -> None:
    settings = small(recent_bytes=0, window="1h", retention_age="2h")
    store = SqliteSampleStore(tmp_path, settings, clock=lambda: 0)
    store.open()
    fill(store, range(500))
    store.maintain(BASE_MS + HOUR_MS)
    before = load(store, BASE_MS, BASE_MS + 10 * HOUR_MS)
    store.maintain(BASE_MS + 5 * HOUR_MS)
    after = load(store, BASE_MS, BASE_MS + 10 * HOUR_MS)
    assert sum(map(len, after.values())) < sum(map(len, before.values()))
    store.close()


def test_cached_arrays_are_read_only(store: SqliteSampleStore) -> None:
    fill(store, range(60))
    store.maintain(BASE_MS + HOUR_MS)
    for _ in range(2):
        (part,) = store.select(named("load"), BASE_MS, BASE_MS + 30 * STEP_MS)
        with pytest.raises(ValueError, match="read-only"):
            part.values[0, 0] = 1.0


def matrix(label: str, times: list[list[int]], first: float = 0.0) -> AlignedSeries:
    rows = np.array(times, np.int64)
    values = first + np.arange(rows.size, dtype=np.float64).reshape(rows.shape)
    values.view(np.uint64)[rows == NO_TIME] = 0x7FF0000000000A5B
    labels = tuple(Labels.of(__name__=label, n=str(n)) for n in range(len(rows)))
    return AlignedSeries(labels=labels, times_ms=rows, values=values, rows=np.arange(len(rows)))


def continued(before: Settled, *after: AlignedSeries) -> AlignedSeries:
    found = before.continued(before.start_ms, after)
    assert found is not None
    (one,) = found
    return one


def test_padding_between_two_reads_moves_to_the_end() -> None:
    before = matrix("x", [[1, 2, 3], [1, 2, NO_TIME]])
    after = matrix("x", [[4, 5], [4, NO_TIME]], first=10)
    found = continued(Settled.unsorted(1, 3, [before]), after)
    assert found.times_ms.tolist() == [[1, 2, 3, 4, 5], [1, 2, 4, NO_TIME, NO_TIME]]
    assert found.values[0].tolist() == [0, 1, 2, 10, 11]
    assert found.values[1, :3].tolist() == [3, 4, 12]


def test_series_are_sorted_by_the_moment_of_their_scrapes() -> None:
    read = matrix("x", [[3, 13, 23], [1, 11, 21], [2, 12, 22]])
    settled = Settled.of(0, 29, [read])
    assert settled.parts[0].series.times_ms[:, 0].tolist() == [1, 2, 3]
    found = continued(settled, matrix("x", [[33], [31], [32]], first=100))
    assert found.times_ms.tolist() == [[1, 11, 21, 31], [2, 12, 22, 32], [3, 13, 23, 33]]
    assert found.values[found.rows == 0].tolist() == [[3, 4, 5, 101]]
    assert [labels.get("n") for labels in found.labels] == ["1", "2", "0"]


def test_a_ragged_end_is_not_cached() -> None:
    read = matrix("x", [[1, 11, 21], [5, 15, NO_TIME], [2, 12, 22]])
    settled = Settled.of(0, 23, [read])
    assert settled.end_ms == 20
    assert settled.parts[0].series.times_ms.tolist() == [[1, 11], [2, 12], [5, 15]]


def test_a_host_that_missed_scrapes_is_ignored_when_the_end_is_trimmed() -> None:
    read = matrix("x", [[1, 11, 21, 31], [5, 15, 25, NO_TIME], [9, 29, NO_TIME, NO_TIME]])
    settled = Settled.of(0, 33, [read])
    assert settled.end_ms == 30
    (part,) = settled.parts
    assert part.series.times_ms.tolist() == [[1, 11, 21], [5, 15, 25], [9, 29, NO_TIME]]
    assert isinstance(part.series, ExaminedSeries)
    assert not part.series.gaps.any()


def test_samples_after_the_even_end_are_dropped() -> None:
    read = matrix("x", [[1, 11, 21, 31], [5, 15, 25, NO_TIME], [2, 32, NO_TIME, NO_TIME]])
    settled = Settled.of(0, 33, [read])
    (part,) = settled.parts
    assert part.series.times_ms.tolist() == [[1, 11, 21], [2, NO_TIME, NO_TIME], [5, 15, 25]]
    assert is_absent(part.series.values[1]).tolist() == [False, True, True]


def test_flags_include_the_samples_of_the_later_read() -> None:
    known = Settled.of(1, 3, [matrix("x", [[1, 2, 3]] * 3)])
    after = matrix("x", [[4, 5]] * 3, first=10)
    after.values[1, 1] = 0.0
    after.values[2, 0] = np.nan
    found = continued(known, after)
    assert isinstance(found, ExaminedSeries)
    assert found.gaps.tolist() == [False, False, True]
    assert found.falls.tolist() == [False, True, True]
    # The last known sample may be greater than the first one after it.
    found = continued(known, matrix("x", [[4]] * 3, first=-9))
    assert isinstance(found, ExaminedSeries)
    assert found.falls.all()


def test_a_settled_read_returns_examined_series(store: SqliteSampleStore) -> None:
    fill(store, range(60))
    store.maintain(BASE_MS + HOUR_MS)
    for _ in range(2):
        (part,) = store.select(named("load"), BASE_MS, BASE_MS + 30 * STEP_MS)
        assert isinstance(part, ExaminedSeries)
        assert not part.gaps.any()
        assert not part.falls.any()


def test_hosts_may_come_and_go_between_two_reads() -> None:
    known = Settled.of(0, 29, [matrix("x", [[3, 13, 23], [1, 11, 21], [2, 12, 22]])])
    after = matrix("x", [[0], [31], [32], [34]], first=100).take(np.array([1, 3]))
    found = known.continued(0, [after])
    assert found is not None
    old, new = found
    assert old.times_ms.tolist() == [[1, 11, 21, 31], [2, 12, 22, NO_TIME], [3, 13, 23, NO_TIME]]
    assert is_absent(old.values[:, 3]).tolist() == [False, True, True]
    assert new.times_ms.tolist() == [[34]]
    assert new.values.tolist() == [[103]]
    assert isinstance(old, ExaminedSeries)
    assert not old.gaps.any()


def test_a_series_may_end_before_its_source() -> None:
    labels = [Labels.of(n="0"), Labels.of(n="1")]
    read = AlignedSeries.of_source(labels, np.array([1, 2]), np.ones((2, 2)))
    after = AlignedSeries.of_source(labels[1:], np.array([3]), np.ones((1, 1)))
    found = continued(Settled.of(0, 2, [read]), after)
    assert is_absent(found.values).tolist() == [[False, False, True], [False, False, False]]
    assert isinstance(found, ExaminedSeries)
    assert found.gaps.tolist() == [True, False]


def test_a_source_that_became_two_cannot_be_put_together() -> None:
    labels = [Labels.of(__name__="x", n="0"), Labels.of(__name__="x", n="1")]
    read = AlignedSeries.of_source(labels, np.array([1, 2]), np.ones((2, 2)))
    assert Settled.of(0, 2, [read]).continued(0, [matrix("x", [[3], [4]])]) is None
