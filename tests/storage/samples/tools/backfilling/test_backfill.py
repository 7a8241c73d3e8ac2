import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.labels import Labels
from storage.samples.store import SqliteSampleStore
from storage.samples.tools.backfilling import chunk_building, spill
from storage.samples.tools.backfilling.backfill import Backfill, BackfillReport
from storage.samples.windows import runs
from tests.storage.samples.naive_model import Samples, samples_of
from tests.storage.samples.sample_builders import BASE_MS, series, small, whole

HOUR_MS = 3_600_000
Given = tuple[Labels, int, float]


@contextmanager
def offline(directory: Path, **changes: object) -> Iterator[SqliteSampleStore]:
    store = SqliteSampleStore(directory, small(**changes), clock=lambda: 0)
    store.open(serving=False)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def serving(directory: Path, **changes: object) -> Iterator[SqliteSampleStore]:
    store = SqliteSampleStore(directory, small(**changes), clock=lambda: 0)
    store.open()
    try:
        yield store
    finally:
        store.close()


def add(backfill: Backfill, samples: Sequence[Given], at_once: int = 1000) -> None:
    for at in range(0, len(samples), at_once):
        some = samples[at : at + at_once]
        backfill.add(
            np.array([backfill.series(labels) for labels, _, _ in some], np.uint32),
            np.array([time_ms for _, time_ms, _ in some], np.int64),
            np.array([value for _, _, value in some], np.float64),
        )


def imported(directory: Path, samples: Sequence[Given], **changes: object) -> BackfillReport:
    with offline(directory, **changes) as store:
        backfill = store.backfill(now_ms=2 * BASE_MS)
        add(backfill, samples)
        report = backfill.finish()
        backfill.close()
    return report


def everything(store: SqliteSampleStore) -> Samples:
    return samples_of(store.select([], -(10**14), 10**14))


def as_samples(samples: Iterable[Given]) -> Samples:
    """Return the expected samples: for each time, the first one given."""
    found: Samples = {}
    for labels, time_ms, value in samples:
        found.setdefault(labels, {}).setdefault(time_ms, int(np.float64(value).view(np.uint64)))
    return found


def host(instance: str, *names: str) -> list[Labels]:
    return [Labels.of(__name__=name, job="node", instance=instance) for name in names]


def scrapes(instances: int, times: int, step_ms: int = 15_000, start_ms: int = 0) -> list[Given]:
    """Return the samples of a fleet, scrape by scrape."""
    return [
        (labels, BASE_MS + start_ms + tick * step_ms + number, float(tick * row + number))
        for tick in range(times)
        for number in range(instances)
        for row, labels in enumerate(host(f"host{number}", "x", "y", "z"))
    ]


POOL = [
    Labels.of({"__name__": f"m{number % 3}", "job": job, "instance": instance, "n": str(number)})
    for number in range(4)
    for job, instance in (("a", "1"), ("a", "2"), ("b", ""), ("", ""))
]
times = st.one_of(
    st.integers(0, 40).map(lambda tick: BASE_MS + tick * 60_000),
    st.integers(0, 3).map(lambda tick: BASE_MS + tick * 5 * HOUR_MS),
    st.integers(-(10**13), 10**13),
)
values = st.floats(width=64, allow_nan=False)
given_samples = st.lists(st.tuples(st.sampled_from(POOL), times, values), max_size=60)
aligned_samples = st.builds(
    lambda some, ticks, value: [
        (labels, BASE_MS + tick * 15_000, value + tick) for labels in some for tick in ticks
    ],
    st.lists(st.sampled_from(POOL), unique=True, max_size=6),
    st.lists(st.integers(0, 100), max_size=20),
    st.floats(-1e6, 1e6),
)


@settings(deadline=None, max_examples=30)
@given(
    backfills=st.lists(
        st.builds(
            lambda parts: [sample for part in parts for sample in part],
            st.lists(st.one_of(given_samples, aligned_samples), max_size=4),
        ),
        max_size=3,
    ),
    buffered=st.sampled_from([1, 5, 1000]),
    vectors=st.sampled_from([1, 3, 2048]),
    window=st.sampled_from(["2h", "7d"]),
)
def test_of_samples_with_equal_times_the_first_one_is_stored(
    backfills: list[list[Given]], buffered: int, vectors: int, window: str
) -> None:
    backfills = [scrapes(2, 3), *backfills]
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(spill, "_BUFFERED_SAMPLES", buffered)
        patch.setattr(chunk_building, "_CHUNK_VECTORS", vectors)
        for samples in backfills:
            report = imported(Path(name), samples, window=window)
            expected = as_samples(samples)
            assert report.series == len(expected)
            assert report.samples == sum(map(len, expected.values()))
            assert report.samples + report.repeated + report.refused == len(samples)
        expected = as_samples(sample for samples in backfills for sample in samples)
        with offline(Path(name), window=window) as store:
            found = everything(store)
            assert sorted(found) == sorted(expected)
            for labels, by_time in found.items():
                assert by_time.keys() == expected[labels].keys()
            store.compact()
            assert everything(store) == found
            if len(backfills) == 2:
                assert found == expected


def chunk_rows(store: SqliteSampleStore) -> list[tuple[str, int, int]]:
    """Return stream, layout and length of every chunk, by source and time."""
    found = []
    for window in store._windows:
        for run in window.runs:
            for row in window.read(partial(runs.chunks_of_run, run=run)):
                source = store._sources.get(row.source_id)
                assert source is not None
                found.append((str(source), row.layout_id, row.count))
    return sorted(found)


def test_hosts_with_the_same_series_share_a_layout(tmp_path: Path) -> None:
    report = imported(tmp_path, scrapes(3, 100))
    assert (report.samples, report.series) == (900, 9)
    assert (report.start_ms, report.end_ms) == (BASE_MS, BASE_MS + 99 * 15_000 + 2)
    with offline(tmp_path) as store:
        assert chunk_rows(store) == [
            (f'{{instance="host{number}",job="node"}}', 1, 100) for number in range(3)
        ]


def test_order_of_the_samples_makes_no_difference(tmp_path: Path) -> None:
    by_time = scrapes(2, 500)
    by_series = sorted(by_time, key=lambda sample: (sample[0], sample[1]))
    shuffled = list(by_time)
    np.random.default_rng(0).shuffle(shuffled)
    sizes = []
    for number, samples in enumerate((by_time, by_series, shuffled)):
        imported(tmp_path / str(number), samples)
        with offline(tmp_path / str(number)) as store:
            assert everything(store) == as_samples(by_time)
            (window,) = store._windows
            sizes.append(window.metric_bytes.total())
    assert len(set(sizes)) == 1


def test_series_with_times_of_their_own_get_chunks_of_their_own(tmp_path: Path) -> None:
    containers = [
        (labels, BASE_MS + tick * 15_000 + 37 * container, 1.5 * tick)
        for container in range(50)
        for tick in range(100)
        for labels in host("kubelet", f"a{container}", f"b{container}")
    ]
    imported(tmp_path, containers)
    with offline(tmp_path) as store:
        assert everything(store) == as_samples(containers)
        rows = chunk_rows(store)
        assert [count for _, _, count in rows] == [100] * 50
        assert rows[0][0] == '{instance="kubelet",job="node"}'


def test_long_backfill_is_split_into_chunks_and_windows(tmp_path: Path) -> None:
    day_ms = 24 * HOUR_MS
    report = imported(tmp_path, scrapes(1, 5000, step_ms=600_000))
    assert report.samples == 15_000
    with offline(tmp_path) as store:
        assert len(store._windows) == 6
        assert max(count for _, _, count in chunk_rows(store)) <= 7 * day_ms // 600_000
        assert everything(store) == as_samples(scrapes(1, 5000, step_ms=600_000))


def test_gap_is_not_covered_by_a_chunk(tmp_path: Path) -> None:
    around = scrapes(1, 10) + scrapes(1, 10, start_ms=10 * HOUR_MS)
    between = scrapes(1, 10, start_ms=5 * HOUR_MS)
    imported(tmp_path, around)
    imported(tmp_path, between)
    with offline(tmp_path) as store:
        assert {source for source, _, _ in chunk_rows(store)} == {'{instance="host0",job="node"}'}
        assert everything(store) == as_samples(around + between)


def test_backfill_of_a_scraped_target_joins_its_source(tmp_path: Path) -> None:
    labels = Labels.of(job="node", instance="host0", rack="r1")
    with serving(tmp_path) as store:
        source = store.source(labels)
        layout = store.layout(series("x", "y"))
        for tick in range(7):
            store.append(source, whole(layout, BASE_MS + tick * 1000, tick, 1))
        scraped = everything(store)
    past = [
        (Labels.of({"__name__": name, "rack": "r1", "job": "node", "instance": "host0"}), time, 9.0)
        for time in (BASE_MS - HOUR_MS, BASE_MS - 1000)
        for name in ("x", "y")
    ]
    imported(tmp_path, past)
    with serving(tmp_path) as store:
        assert [str(one) for one in store._sources] == [str(labels)]
        found = everything(store)
        assert found == {one: as_samples(past)[one] | by_time for one, by_time in scraped.items()}
        store.append(store.source(labels), whole(layout, BASE_MS + 7000, 7, 1))


def test_overlapping_backfill_is_merged_on_read_and_scrapes_continue(tmp_path: Path) -> None:
    labels = Labels.of(job="node", instance="host0")
    with serving(tmp_path) as store:
        source, layout = store.source(labels), store.layout(series("x"))
        for tick in range(0, 20, 2):
            store.append(source, whole(layout, BASE_MS + tick * 1000, tick))
    (x,) = host("host0", "x")
    imported(tmp_path, [(x, BASE_MS + tick * 1000, float(tick)) for tick in range(30)])
    with serving(tmp_path) as store:
        expected = as_samples((x, BASE_MS + tick * 1000, float(tick)) for tick in range(30))
        assert everything(store) == expected
        store.append(store.source(labels), whole(layout, BASE_MS + 19_000, 99))
        # Of a scraped and an imported sample at one time, the scraped one wins.
        assert everything(store)[x] == expected[x] | {
            BASE_MS + 19_000: int(np.float64(99).view(np.uint64))
        }


def test_backfill_of_future_times_does_not_block_scrapes(tmp_path: Path) -> None:
    (x,) = host("host0", "x")
    with offline(tmp_path) as store:
        backfill = store.backfill(now_ms=BASE_MS)
        add(backfill, [(x, BASE_MS + HOUR_MS, 1.0)])
        backfill.finish()
        backfill.close()
    with serving(tmp_path) as store:
        source = store.source(Labels.of(job="node", instance="host0"))
        store.append(source, whole(store.layout(series("x")), BASE_MS + 1, 2))
        assert len(everything(store)[x]) == 2


def test_report_counts_samples_left_out(tmp_path: Path) -> None:
    (x,) = host("host0", "x")
    nowhere = 10**15
    samples = [(x, BASE_MS, 1.0), (x, BASE_MS, 1.0), (x, BASE_MS, 2.0), (x, nowhere, 1.0)]
    report = imported(tmp_path, samples)
    assert (report.samples, report.repeated, report.refused, report.out_of_range) == (1, 1, 1, 1)


def test_nothing_is_stored_before_finish(tmp_path: Path) -> None:
    with offline(tmp_path) as store:
        backfill = store.backfill(now_ms=2 * BASE_MS)
        add(backfill, scrapes(2, 100))
        backfill.close()
        assert everything(store) == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal.db", "samples"]


def test_layout_grows_and_is_replaced_when_most_series_have_ended(tmp_path: Path) -> None:
    def pods(first: int, count: int, hour: int) -> list[Given]:
        names = [f"pod{number:02}" for number in range(first, first + count)]
        return [
            (labels, BASE_MS + hour * HOUR_MS + tick * 60_000, float(tick))
            for tick in range(50)
            for labels in host("kubelet", *names)
        ]

    samples = pods(0, 10, 0) + pods(2, 10, 3) + pods(40, 10, 6)
    imported(tmp_path, samples)
    with offline(tmp_path) as store:
        assert everything(store) == as_samples(samples)
        layouts = [layout for _, layout, _ in chunk_rows(store)]
        widths = [
            len(store._layouts.get(layout, window.series_of).series)
            for window in store._windows
            for layout in layouts
        ]
        assert widths == [10, 12, 10]
