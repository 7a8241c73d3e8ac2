"""Deletion of series: hidden at once, durable, and removed from the disk."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.labels import Labels
from model.matchers import Matcher, matches_all
from model.series import STALE
from storage.api.errors import StorageError
from storage.samples.store import SqliteSampleStore
from storage.samples.tools.snapshot import StoreSnapshot
from storage.samples.tools.verification import Verified
from storage.verification import verify
from tests.storage.samples.naive_model import Samples, clipped, samples_of
from tests.storage.samples.sample_builders import BASE_MS, named, series, small, whole

NAMES = ("constant", "counter", "gauge")
STEP_MS = 1_000
COUNT = 23
END_MS = BASE_MS + COUNT * STEP_MS
DAY_MS = 86_400_000
EVERYTHING = [Matcher.of("__name__", "=~", ".+")]


def fill(store: SqliteSampleStore, count: int = COUNT, first_ms: int = BASE_MS) -> None:
    layout = store.layout(series(*NAMES))
    generator = np.random.default_rng(1)
    for number in range(count):
        for instance in "ab":
            source = store.source(Labels.of(instance=instance))
            gauge = STALE if number % 7 == 6 else generator.random()
            time_ms = first_ms + number * STEP_MS
            store.append(source, whole(layout, time_ms, 1, number, gauge))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteSampleStore]:
    store = SqliteSampleStore(tmp_path, small(chunk_age="30d"), clock=lambda: END_MS)
    store.open()
    fill(store)
    yield store
    store.close()


def kept(samples: Samples, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Samples:
    """Return the samples that remain after a deletion."""
    left = {
        labels: {
            time: bits
            for time, bits in by_time.items()
            if not (start_ms <= time <= end_ms and matches_all(matchers, labels))
        }
        for labels, by_time in samples.items()
    }
    return {labels: by_time for labels, by_time in left.items() if by_time}


def everything(store: SqliteSampleStore) -> Samples:
    return samples_of(store.select([], 0, 2 * BASE_MS))


def seal(store: SqliteSampleStore) -> None:
    store._heads.close_older_than(2 * BASE_MS)
    store.maintain(END_MS + 100_000)


SELECTORS: list[list[Matcher]] = [
    named("counter"),
    [Matcher.of("instance", "=", "b")],
    [Matcher.of("__name__", "!=", "gauge"), Matcher.of("instance", "=~", "a|c")],
    EVERYTHING,
    named("nothing"),
]


@pytest.mark.parametrize("matchers", SELECTORS)
def test_deleted_samples_are_hidden_at_once_and_after_each_step(
    store: SqliteSampleStore, tmp_path: Path, matchers: list[Matcher]
) -> None:
    before, start_ms, end_ms = everything(store), BASE_MS + 3_000, BASE_MS + 13_000
    expected = kept(before, matchers, start_ms, end_ms)
    store.delete_series([matchers], start_ms, end_ms)
    steps: list[Callable[[], None]] = [
        lambda: None,
        lambda: seal(store),
        store.clean_tombstones,
        lambda: store.maintain(END_MS + 2 * DAY_MS),
        lambda: store.maintain(END_MS + 60 * DAY_MS),
        store.compact,
    ]
    for step in steps:
        step()
        assert everything(store) == expected
        assert samples_of(store.select(named("gauge"), start_ms, end_ms)) == {
            labels: samples
            for labels, samples in clipped(expected, start_ms, end_ms).items()
            if labels.metric == "gauge"
        }
    assert not list(store._tombstones)
    assert list(verify(tmp_path, Verified())) == []
    reopened = SqliteSampleStore(tmp_path, small(), clock=lambda: END_MS)
    store.close()
    reopened.open()
    assert everything(reopened) == expected
    reopened.close()


def test_cleaning_removes_the_samples_from_the_disk(store: SqliteSampleStore) -> None:
    seal(store)
    (window,) = store._windows
    samples, size = window.samples, window.metric_bytes.total()
    store.delete_series([named("gauge"), named("nothing")], 0, 2 * BASE_MS)
    store.clean_tombstones()
    assert window.samples == samples - 2 * COUNT
    assert window.metric_bytes.total() < size
    code = store._metrics.code("gauge")
    assert not window.metric_bytes[code]


def test_merging_leaves_deleted_samples_out(store: SqliteSampleStore) -> None:
    seal(store)
    store.delete_series([named("gauge")], 0, BASE_MS + 9_000)
    (window,) = store._windows
    samples = window.samples
    store.compact()
    assert window.samples == samples - 2 * 10


def test_windows_without_deleted_samples_are_not_rewritten(store: SqliteSampleStore) -> None:
    seal(store)
    (window,) = store._windows
    before = set(window.runs)
    store.delete_series([named("nothing")], 0, 2 * BASE_MS)
    store.delete_series([EVERYTHING], 0, BASE_MS - 1)
    store.clean_tombstones()
    assert set(window.runs) == before


def test_deletion_survives_a_crash(store: SqliteSampleStore, tmp_path: Path) -> None:
    asyncio.run(store.commit())
    store.delete_series([named("counter")], 0, 2 * BASE_MS)
    # Nothing is closed: this is what a killed server leaves.
    again = StoreSnapshot(tmp_path)
    again.open()
    parts = again.query.select([], 0, 2 * BASE_MS)
    found = {labels.metric for part in parts for labels in part.labels}
    again.close()
    assert found == {"constant", "gauge"}


def test_later_samples_of_a_deleted_series_are_kept(store: SqliteSampleStore) -> None:
    store.delete_series([EVERYTHING], 0, 2**53)
    assert everything(store) == {}
    fill(store, 3, END_MS + 1)
    assert {len(by_time) for by_time in everything(store).values()} == {3}


def test_deleted_series_are_not_listed(store: SqliteSampleStore) -> None:
    def listed(start_ms: int = 0, end_ms: int = 2 * BASE_MS, limit: int = 0) -> list[str]:
        found = store.series([EVERYTHING], start_ms, end_ms, limit)
        return [f"{labels.metric}-{labels.get('instance')}" for labels in found]

    store.delete_series([named("counter")], 0, BASE_MS + 9_000)
    assert listed() == [f"{name}-{instance}" for name in NAMES for instance in "ab"]
    store.delete_series([[*named("counter"), Matcher.of("instance", "=", "a")]], 0, 2 * BASE_MS)
    assert "counter-a" not in listed()
    assert listed(limit=3) == ["constant-a", "constant-b", "counter-b"]
    seal(store)
    store.clean_tombstones()
    assert "counter-a" not in listed()


def test_cached_reads_lose_deleted_samples(store: SqliteSampleStore) -> None:
    seal(store)
    for _ in range(2):
        assert store.select(named("counter"), BASE_MS, END_MS)
    store.delete_series([named("counter")], 0, 2 * BASE_MS)
    assert store.select(named("counter"), BASE_MS, END_MS) == []
    store.clean_tombstones()
    store.maintain(END_MS + 2 * DAY_MS)
    assert store.select(named("counter"), BASE_MS, END_MS) == []


def test_deletions_are_limited(store: SqliteSampleStore) -> None:
    store.delete_series([named(str(number)) for number in range(1000)], 0, 1)
    store.delete_series([named("7")], 0, 1)
    with pytest.raises(StorageError, match="clean them"):
        store.delete_series([named("one more")], 0, 1)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"version":2,"tombstones":[]}', b"\xff"])
def test_damaged_file_is_set_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tombstones.json").write_bytes(content)
    assert [problem.file for problem in verify(tmp_path, Verified())] == ["tombstones.json"]
    store = SqliteSampleStore(tmp_path, small(), clock=lambda: 0)
    store.open()
    assert store.stats().corrupt_items == 1
    store.close()
    assert (tmp_path / "tombstones.json.damaged-1").read_bytes() == content


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_deletions_equal_those_of_the_model(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    store = SqliteSampleStore(
        tmp_path_factory.mktemp("store"), small(chunk_age="30d"), clock=lambda: END_MS
    )
    store.open()
    try:
        fill(store)
        expected = everything(store)
        for _ in range(data.draw(st.integers(1, 4))):
            chosen = data.draw(st.lists(st.sampled_from(SELECTORS), min_size=1, max_size=2))
            start_ms = BASE_MS + data.draw(st.integers(-5, COUNT + 5)) * STEP_MS
            end_ms = BASE_MS + data.draw(st.integers(-5, COUNT + 5)) * STEP_MS
            store.delete_series(chosen, start_ms, end_ms)
            for matchers in chosen:
                expected = kept(expected, matchers, start_ms, end_ms)
            step = data.draw(st.sampled_from(["none", "seal", "clean", "compact"]))
            if step == "seal":
                seal(store)
            elif step == "clean":
                store.clean_tombstones()
            elif step == "compact":
                store.compact()
            assert everything(store) == expected
            assert sorted(expected) == store.series([EVERYTHING], 0, 2 * BASE_MS)
    finally:
        store.close()
