"""Start times survive restarts and merges, and are hidden from readers of samples."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.labels import METRIC_NAME, Labels
from model.series import AlignedSeries
from storage.api.errors import OutOfOrderError
from storage.api.samples import ELSEWHERE, Layout, Source, StartTimes, Vector
from storage.samples.store import SqliteSampleStore
from storage.samples.tools.verification import Verified
from storage.verification import verify
from tests.storage.samples.sample_builders import BASE_MS, column_array, named, series, small

HOUR_MS = 3_600_000
END_MS = 2 * BASE_MS


class Store:
    """A store that can be closed, or killed, and opened again."""

    def __init__(self, directory: Path, **given: object) -> None:
        self.directory, self.settings = directory, small(**given)
        self.now = self._opened()

    def _opened(self) -> SqliteSampleStore:
        store = SqliteSampleStore(self.directory, self.settings, clock=lambda: 0)
        store.open()
        return store

    def reopen(self) -> None:
        self.now.close()
        self.now = self._opened()

    def source(self, job: str = "a", stream: str = "") -> Source:
        return self.now.source(Labels.of(job=job), stream)

    def layout(self, *names: str) -> Layout:
        return self.now.layout(series(*names))

    def append(
        self,
        time_ms: int,
        starts: dict[int, int] | list[int] | None = None,
        *,
        names: tuple[str, ...] = ("a", "b"),
        job: str = "a",
        stream: str = "",
    ) -> None:
        given = None
        if isinstance(starts, list):
            given = StartTimes(None, np.array(starts, np.int64))
        elif starts is not None:
            given = StartTimes(column_array(starts), np.array(list(starts.values()), np.int64))
        values = np.arange(float(len(names)))
        vector = Vector(time_ms, self.layout(*names), None, values, given)
        self.now.append(self.source(job, stream), vector)

    def amend(self, time_ms: int, starts: dict[int, int], names: tuple[str, ...]) -> None:
        """Amend the last vector with columns, each with its start time."""
        columns, times = column_array(starts), np.array(list(starts.values()), np.int64)
        given = StartTimes(columns, times)
        vector = Vector(time_ms, self.layout(*names), columns, np.ones(len(columns)), given)
        self.now.amend(self.source(), vector)

    def starts(self, name: str = "a", start_ms: int = 0) -> dict[int, int]:
        (found,) = self.now.select(named(name), start_ms, END_MS, starts=True)
        return starts_of(found)


def starts_of(found: AlignedSeries) -> dict[int, int]:
    assert len(found.labels) == 1
    times = found.times_ms[found.rows[0]].tolist()
    if found.starts_ms is None:
        return dict.fromkeys(times, 0)
    assert found.starts_ms.shape == found.values.shape
    return dict(zip(times, found.starts_ms[0].tolist(), strict=True))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.now.close()


def test_start_time_stays_until_it_changes(store: Store) -> None:
    store.append(10, [5, 0])
    store.append(20)
    store.append(30, {0: 25})
    store.append(40, {0: 0})
    assert store.starts() == {10: 5, 20: 5, 30: 25, 40: 0}
    assert store.starts("b") == {10: 0, 20: 0, 30: 0, 40: 0}


def test_series_without_start_times_and_selects_without_starts_have_none(store: Store) -> None:
    store.append(10)
    (found,) = store.now.select(named("a"), 0, END_MS, starts=True)
    assert found.starts_ms is None
    store.append(20, [5, 5])
    (found,) = store.now.select(named("a"), 0, END_MS)
    assert found.starts_ms is None
    assert store.starts() == {10: 0, 20: 5}


def test_start_times_survive_journal_chunks_and_merging(store: Store) -> None:
    for step in range(40):
        store.append(BASE_MS + step * HOUR_MS, [BASE_MS - 7, 0] if step == 3 else None)
        if step == 20:
            store.reopen()
            store.append(BASE_MS + step * HOUR_MS + 1, [BASE_MS - 7, 0])
    expected = {
        time: BASE_MS - 7 if time >= BASE_MS + 3 * HOUR_MS else 0 for time in store.starts()
    }
    assert store.starts() == expected
    store.reopen()
    assert store.starts() == expected
    store.now.maintain(BASE_MS + 400 * HOUR_MS)
    assert store.starts() == expected
    # A range that begins long after the start times were appended has them too.
    late_ms = BASE_MS + 39 * HOUR_MS
    assert store.starts(start_ms=late_ms) == {late_ms: BASE_MS - 7}


def test_start_times_are_durable_with_their_samples(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.append(10, [5, 6])
    asyncio.run(store.now.commit())
    # Copy the files as a crash would leave them.
    shutil.copytree(store.directory, tmp_path / "crashed")
    store.now.close()
    survivor = Store(tmp_path / "crashed")
    assert survivor.starts("b") == {10: 6}
    survivor.now.close()


def test_replaced_layout_and_restart_reset_start_times(store: Store) -> None:
    store.append(10, [5, 6])
    store.append(20, names=("c", "a"))
    assert store.starts() == {10: 5, 20: 0}
    store.append(30, [7, 8], names=("c", "a"))
    assert store.starts() == {10: 5, 20: 0, 30: 8}
    store.append(40, names=("c", "a", "d"))
    assert store.starts() == {10: 5, 20: 0, 30: 8, 40: 8}


def test_amended_values_have_start_times_too(store: Store) -> None:
    store.append(10, names=("a",))
    store.amend(10, {1: 6}, ("a", "b"))
    store.append(20, names=("a", "b"))
    store.amend(20, {2: 17}, ("a", "b", "c"))
    store.amend(20, {2: 17, 3: 18}, ("a", "b", "c", "d"))
    store.append(30, {1: 25}, names=("a", "b", "c", "d"))
    store.amend(30, {2: 0}, ("a", "b", "c", "d"))
    for _ in range(2):
        assert store.starts("a") == {10: 0, 20: 0, 30: 0}
        assert store.starts("b") == {10: 6, 20: 6, 30: 25}
        assert store.starts("c")[20] == 17
        assert store.starts("c")[30] == 0
        assert store.starts("d")[30] == 18
        store.reopen()


def test_refused_amendment_does_not_change_start_times(store: Store) -> None:
    store.append(10, [5, 6])
    with pytest.raises(OutOfOrderError):
        store.amend(9, {0: 7}, ("a", "b"))
    store.append(20)
    assert store.starts() == {10: 5, 20: 5}


def test_last_vector_has_its_start_times_and_they_stay(store: Store) -> None:
    store.append(10, [5, 0])
    store.append(20, names=("a", "b", "c"))
    for time_ms in (30, 40):
        store.reopen()
        last = store.now.last_vector(store.source())
        assert last is not None
        assert last.starts_ms is not None
        assert last.starts_ms.tolist() == [5, 0, 0]
        store.append(time_ms, names=("a", "b", "c"))
    assert store.starts() == {10: 5, 20: 5, 30: 5, 40: 5}
    store.append(10, job="b")
    without = store.now.last_vector(store.source("b"))
    assert without is not None
    assert without.starts_ms is None


def test_start_time_of_a_moved_series_comes_from_its_new_source(store: Store) -> None:
    store.append(10, [5, 6], stream="here")
    store.append(15, [12, 0], stream="there")
    store.append(20, {0: ELSEWHERE}, stream="here")
    # Each vector begins a chunk, and so repeats the known start times.
    for time_ms in range(25, 25 + 400 * HOUR_MS, 40 * HOUR_MS):
        store.append(time_ms, {}, stream="here")
    starts = store.starts()
    assert starts.pop(10) == 5
    assert set(starts.values()) == {12}
    assert set(store.starts("b").values()) == {6}


def test_each_source_has_its_own_start_times(store: Store) -> None:
    store.append(10, [5, 6])
    store.append(10, job="b")
    store.append(20, [9, 9], job="b")
    found = store.now.select(named("a"), 0, END_MS, starts=True)
    by_job = {}
    for part in found:
        for row, labels in enumerate(part.labels):
            assert part.starts_ms is not None
            times = part.times_ms[part.rows[row]].tolist()
            known = dict(zip(times, part.starts_ms[row].tolist(), strict=True))
            by_job[labels.get("job")] = {time: known[time] for time in times if time < END_MS}
    assert by_job == {"a": {10: 5}, "b": {10: 0, 20: 9}}


def test_start_times_are_found_however_long_a_chunk_lasts(tmp_path: Path) -> None:
    store = Store(tmp_path, chunk_age="30d", window="90d", chunk_vectors=500)
    for day in range(20):
        store.append(BASE_MS + day * 24 * HOUR_MS, [7, 7] if day == 0 else None)
    late_ms = BASE_MS + 19 * 24 * HOUR_MS
    assert store.starts(start_ms=late_ms) == {late_ms: 7}
    store.now.close()


def test_store_with_start_times_verifies(store: Store) -> None:
    for step in range(30):
        store.append(BASE_MS + step * HOUR_MS, [step, 0] if step % 7 == 0 else None)
    store.now.maintain(BASE_MS + 400 * HOUR_MS)
    asyncio.run(store.now.commit())
    assert list(verify(store.directory, Verified())) == []


def test_readers_of_samples_do_not_see_start_times(store: Store) -> None:
    for step in range(12):
        store.append(step + 1, [5, 6] if step % 3 == 0 else None)
    store.amend(12, {0: 8}, ("a", "b"))
    store.now.maintain(HOUR_MS)
    stats = store.now.stats()
    assert (stats.series, stats.sources, stats.samples_total) == (2, 1, 25)
    assert store.now.cardinality(9).series == 2
    assert len(store.now.series([[]], 0, END_MS)) == 2
    assert store.now.label_values(METRIC_NAME, [], 0, END_MS) == ["a", "b"]
    (found,) = store.now.select([], 0, END_MS)
    assert found.values.tolist() == [[0.0] * 11 + [1.0], [1.0] * 12]
    store.reopen()
    (found,) = store.now.select([], 0, END_MS)
    assert found.values.shape == (2, 12)


def test_start_times_that_do_not_fit_are_refused_and_change_nothing(store: Store) -> None:
    store.append(10, [5, 6])
    misfits = [
        StartTimes(None, np.array([1], np.int64)),
        StartTimes(None, np.array([1.0, 2.0])),
        StartTimes(column_array([2]), np.array([1], np.int64)),
        StartTimes(column_array([0]), np.array([1, 2], np.int64)),
    ]
    for starts in misfits:
        vector = Vector(20, store.layout("a", "b"), None, np.zeros(2), starts)
        with pytest.raises(ValueError, match="start time"):
            store.now.append(store.source(), vector)
    store.append(20)
    assert store.starts() == {10: 5, 20: 5}
    with pytest.raises(ValueError, match="must not begin with"):
        store.source(stream="start times of x")


given_starts = st.one_of(
    st.none(),
    st.lists(st.integers(0, 3), min_size=2, max_size=2),
    st.dictionaries(st.integers(0, 1), st.integers(-2, 3)).map(
        lambda some: dict(sorted(some.items()))
    ),
)


@settings(max_examples=40, deadline=None)
@given(history=st.lists(st.tuples(given_starts, st.sampled_from("aaaamr")), max_size=30))
def test_start_times_of_any_history_read_back(
    history: list[tuple[dict[int, int] | list[int] | None, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    store = Store(tmp_path_factory.mktemp("starts"), chunk_age="3h", window="6h")
    known = [0, 0]
    expected: list[dict[int, int]] = [{}, {}]
    time_ms = BASE_MS
    for drawn, action in history:
        starts = drawn
        time_ms += HOUR_MS
        if action == "m":
            store.now.maintain(time_ms)
        elif action == "r":
            store.reopen()
            starts = [starts.get(0, 0), 7] if isinstance(starts, dict) else starts or [0, 0]
        if isinstance(starts, list):
            known = list(starts)
        elif starts is not None:
            for column, start in starts.items():
                known[column] = start
        store.append(time_ms, starts)
        for column, start in enumerate(known):
            expected[column][time_ms] = start
    if expected[0]:
        assert [store.starts("a"), store.starts("b")] == expected
    store.now.close()
