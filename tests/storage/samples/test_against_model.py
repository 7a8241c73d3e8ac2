"""The store equals a dict after any history of appends, restarts and maintenance."""

import copy
import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from model.labels import Labels
from model.matchers import Matcher, matches_all
from model.series import ABSENT_BITS, ORDINARY_NAN_BITS, STALE_BITS
from storage.api.errors import OutOfOrderError
from storage.api.samples import SelectHints, Source, Vector
from storage.samples.store import SqliteSampleStore
from tests.storage.samples.naive_model import NaiveSource, Samples, clipped, samples_of
from tests.storage.samples.sample_builders import column_array, small

POOL = [Labels.of(__name__=f"m{number % 3}", n=str(number // 3)) for number in range(9)]
SPECIAL_BITS = [
    STALE_BITS,
    ABSENT_BITS,
    ORDINARY_NAN_BITS,
    0xFFF8000000000001,
    0x7FF0000000000000,
    0x8000000000000000,
    0x0000000000000001,
]
HOUR_MS = 3_600_000

bits = st.one_of(
    st.sampled_from(SPECIAL_BITS),
    st.integers(-5, 5).map(lambda number: int(np.float64(number).view(np.uint64))),
    st.floats(width=64).map(lambda number: int(np.float64(number).view(np.uint64))),
    st.integers(0, 2**64 - 1),
)


def newest(samples: Samples) -> dict[Labels, tuple[int, int]]:
    """Return time and bits of the newest sample of each series."""
    return {labels: max(some.items()) for labels, some in samples.items() if some}


class Appending:
    """A source in the store beside its model."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.model = NaiveSource(source.labels)
        self.may_change = False
        self.last_ms = 0


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.now_ms = 0
        self.store = self.opened()
        # The last source has the labels of the first, so their label sets are equal.
        self.sources = [
            Appending(self.store.source(Labels.of(job=job), stream))
            for job, stream in (("a", ""), ("b", ""), ("a", "push"))
        ]
        self.committed: list[NaiveSource] = []
        self.commit()

    def opened(self) -> SqliteSampleStore:
        config = small(window="6h", chunk_age="3h", chunk_vectors=9)
        store = SqliteSampleStore(self.directory, config, clock=lambda: 0)
        store.open()
        return store

    def values(
        self, data: st.DataObject, count: int
    ) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        drawn = data.draw(st.lists(bits, min_size=count, max_size=count))
        return np.array(drawn, np.uint64).view(np.float64)

    @rule(
        data=st.data(),
        which=st.integers(0, 2),
        step_ms=st.sampled_from([1, 1000, 1000, 1000, 15_000, HOUR_MS]),
        count=st.integers(1, 7),
    )
    def append(self, data: st.DataObject, which: int, step_ms: int, count: int) -> None:
        one = self.sources[which]
        for _ in range(count):
            self.now_ms += step_ms
            self.append_one(data, one)

    def append_one(self, data: st.DataObject, one: Appending) -> None:
        kind = data.draw(st.sampled_from(["change", "change", "change", "whole", "grow", "other"]))
        series = one.model.series
        if kind == "grow":
            unused = [labels for labels in POOL if labels not in series]
            series += tuple(unused[: data.draw(st.integers(0, 2))])
        if kind == "other" or not series:
            size = data.draw(st.integers(1, 5))
            series = tuple(data.draw(st.permutations(POOL))[:size])
        columns = None
        if kind in ("change", "grow") and one.may_change:
            chosen = st.lists(st.sampled_from(range(len(series))), unique=True)
            columns = sorted(data.draw(chosen))
        values = self.values(data, len(series) if columns is None else len(columns))
        one.model.append(self.now_ms, series, columns, values)
        vector = Vector(
            self.now_ms,
            self.store.layout(series),
            None if columns is None else column_array(columns),
            values.copy(),
        )
        self.store.append(one.source, vector)
        one.may_change = True
        one.last_ms = self.now_ms

    @rule(data=st.data(), which=st.integers(0, 2), parts=st.integers(1, 3))
    def amend(self, data: st.DataObject, which: int, parts: int) -> None:
        one = self.sources[which]
        for _ in range(parts):
            series = one.model.series
            unused = [labels for labels in POOL if labels not in series]
            series += tuple(unused[: data.draw(st.integers(0, 2))])
            if not series:
                return
            columns = sorted(data.draw(st.sets(st.sampled_from(range(len(series))))))
            values = self.values(data, len(columns))
            layout = self.store.layout(series)
            vector = Vector(one.last_ms, layout, column_array(columns), values.copy())
            try:
                self.store.amend(one.source, vector)
            except OutOfOrderError:
                # Its chunk is closed, or its head was freed.
                return
            one.model.amend(one.last_ms, series, columns, values)

    @rule()
    def commit(self) -> None:
        self.store._journal.flush()
        self.committed = copy.deepcopy([one.model for one in self.sources])

    @rule()
    def maintain(self) -> None:
        self.maintain_at(self.now_ms + 120_000)

    @rule()
    def merge_all(self) -> None:
        self.maintain_at(self.now_ms + 24 * HOUR_MS)

    @rule(steps=st.integers(1, 3))
    def merge_some(self, steps: int) -> None:
        self.maintain_at(self.now_ms + 24 * HOUR_MS, steps)

    def maintain_at(self, now_ms: int, most_steps: int | None = None) -> None:
        self.commit()
        self.store.maintain(now_ms, most_steps)
        for one in self.sources:
            # A day of silence: the next vector must be whole.
            if one.last_ms < now_ms - 24 * HOUR_MS:
                one.may_change = False

    @rule()
    def kill_and_reopen(self) -> None:
        self.store._worker.stop()
        self.store._journal._worker.stop()
        self.store._journal._is_open = False
        self.store._journal.close()
        self.store._windows.close()
        self.store = self.opened()
        for one, model in zip(self.sources, self.committed, strict=True):
            one.model = copy.deepcopy(model)
        self.find_sources()

    @rule()
    def close_and_reopen(self) -> None:
        self.store.close()
        self.store = self.opened()
        self.committed = copy.deepcopy([one.model for one in self.sources])
        self.find_sources()

    def find_sources(self) -> None:
        for one in self.sources:
            before = one.source
            one.source = self.store.source(before.labels, before.stream)
            assert one.source == before or not one.model.samples
            one.may_change = False

    def expected(self) -> Samples:
        merged: Samples = {}
        for one in self.sources:
            for labels, samples in one.model.samples.items():
                known = merged.setdefault(labels, {})
                for time_ms, value in samples.items():
                    if known.get(time_ms, STALE_BITS) == STALE_BITS:
                        known[time_ms] = value
        return merged

    @invariant()
    def everything_reads_back(self) -> None:
        assert samples_of(self.store.select([], 0, self.now_ms + 1)) == self.expected()

    @precondition(lambda self: self.now_ms)
    @rule(back_ms=st.sampled_from([0, 1, 2000, 5000, 60_000, 300_000]))
    def the_last_minutes_read_back(self, back_ms: int) -> None:
        start_ms = max(0, self.now_ms - back_ms)
        expected = clipped(self.expected(), start_ms, self.now_ms)
        found = samples_of(self.store.select([], start_ms, self.now_ms))
        assert clipped(found, start_ms, self.now_ms) == expected
        named = [Matcher.of("__name__", "=", "m1"), Matcher.of("job", "=~", "a|c")]
        found = samples_of(self.store.select(named, start_ms, self.now_ms))
        assert clipped(found, start_ms, self.now_ms) == {
            labels: samples for labels, samples in expected.items() if matches_all(named, labels)
        }

    @precondition(lambda self: self.now_ms)
    @rule(data=st.data())
    def a_range_reads_back(self, data: st.DataObject) -> None:
        start_ms = data.draw(st.integers(0, self.now_ms))
        end_ms = data.draw(st.integers(start_ms, self.now_ms))
        found = clipped(samples_of(self.store.select([], start_ms, end_ms)), start_ms, end_ms)
        assert found == clipped(self.expected(), start_ms, end_ms)

    @precondition(lambda self: self.now_ms)
    @rule(data=st.data(), back_ms=st.sampled_from([0, 1, 2000, 60_000, 300_000, HOUR_MS]))
    def the_newest_samples_read_back(self, data: st.DataObject, back_ms: int) -> None:
        end_ms = data.draw(st.one_of(st.just(self.now_ms), st.integers(0, self.now_ms)))
        start_ms = max(0, end_ms - back_ms)
        found = samples_of(self.store.select([], start_ms, end_ms, hints=SelectHints(newest=True)))
        assert newest(clipped(found, start_ms, end_ms)) == newest(
            clipped(self.expected(), start_ms, end_ms)
        )

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.directory)


TestStoreAgainstModel = StoreMachine.TestCase
TestStoreAgainstModel.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
