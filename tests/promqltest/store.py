"""Sample stores for scripts: in memory, and over the contract of the real store."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Protocol

import numpy as np

from model.labels import Labels
from model.matchers import Matcher, matches_all
from model.series import ABSENT, AlignedSeries, absent_matrix, is_absent
from storage.api.sample_stats import StoreStats
from storage.api.samples import (
    Layout,
    ReadBudget,
    SampleAppender,
    SampleReader,
    SelectHints,
    Source,
    StartTimes,
    Vector,
)

SeriesSamples = dict[Labels, dict[int, float]]
"""Values by time (Unix milliseconds) by series."""

SeriesStarts = dict[Labels, dict[int, int]]
"""Start times by the samples' times by series, all Unix milliseconds."""


class ScriptStore(Protocol):
    """A store that scripts can run on."""

    @property
    def reader(self) -> SampleReader:
        """The reader for the engine."""

    def load(self, samples: SeriesSamples, starts: SeriesStarts | None = None) -> None:
        """Add samples and their start times."""

    def clear(self) -> None:
        """Delete all samples."""


MakeStore = Callable[[], AbstractContextManager[ScriptStore]]
"""Makes the store of one script, for as long as the script runs."""


class MemoryStore:
    """Keeps samples in dictionaries; series with one `instance` label share a matrix."""

    def __init__(self) -> None:
        self._samples: SeriesSamples = {}
        self._starts: SeriesStarts = {}

    @property
    def reader(self) -> SampleReader:
        return self

    def load(self, samples: SeriesSamples, starts: SeriesStarts | None = None) -> None:
        for labels, values in samples.items():
            self._samples.setdefault(labels, {}).update(values)
        for labels, times in (starts or {}).items():
            self._starts.setdefault(labels, {}).update(times)

    def clear(self) -> None:
        self._samples.clear()
        self._starts.clear()

    def select(
        self,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None = None,
        *,
        starts: bool = False,
        hints: SelectHints | None = None,
    ) -> list[AlignedSeries]:
        groups: dict[str, list[Labels]] = {}
        for labels in self._samples:
            if matches_all(matchers, labels):
                groups.setdefault(labels.get("instance"), []).append(labels)
        found = [self._aligned(labels, start_ms, end_ms, starts) for labels in groups.values()]
        if budget is not None:
            for part in found:
                budget.spend(part.sample_slots)
        return [part for part in found if part.labels]

    def _aligned(
        self, labels: list[Labels], start_ms: int, end_ms: int, starts: bool
    ) -> AlignedSeries:
        inside = {
            each: {
                time: value
                for time, value in self._samples[each].items()
                if start_ms <= time <= end_ms
            }
            for each in labels
        }
        inside = {each: values for each, values in inside.items() if values}
        times = sorted({time for values in inside.values() for time in values})
        columns = {time: column for column, time in enumerate(times)}
        matrix = absent_matrix(len(inside), len(times))
        for row, values in enumerate(inside.values()):
            for time, value in values.items():
                matrix[row, columns[time]] = value
        found = AlignedSeries.of_source(list(inside), np.array(times, dtype=np.int64), matrix)
        if not starts or self._starts.keys().isdisjoint(inside):
            return found
        known = [[self._starts.get(each, {}).get(time, 0) for time in times] for each in inside]
        return replace(found, starts_ms=np.array(known, dtype=np.int64))

    def series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[Labels]:
        raise NotImplementedError

    def label_names(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        raise NotImplementedError

    def label_values(
        self,
        name: str,
        selectors: Sequence[Sequence[Matcher]],
        start_ms: int,
        end_ms: int,
        limit: int = 0,
    ) -> list[str]:
        raise NotImplementedError

    def stats(self) -> StoreStats:
        raise NotImplementedError


@contextmanager
def memory_store() -> Iterator[ScriptStore]:
    """Yield a store that keeps samples in dictionaries."""
    yield MemoryStore()


@contextmanager
def contract_store() -> Iterator[ScriptStore]:
    """Yield a minimal store that implements the contract."""
    yield AppendedStore(MemorySampleStore)


class AppendingSampleStore(SampleAppender, SampleReader, Protocol):
    """Both halves of a sample store."""


class AppendedStore:
    """Runs scripts on a sample store, through the contract that scrapers use.

    Series with the same `instance` label form one source. If a script later loads further
    series or earlier samples of it, they form another source.
    """

    def __init__(self, make: Callable[[], AppendingSampleStore]) -> None:
        self._make = make
        self._store = make()
        self._loads = 0

    @property
    def reader(self) -> SampleReader:
        return _Current(lambda: self._store)

    def clear(self) -> None:
        self._store = self._make()

    def load(self, samples: SeriesSamples, starts: SeriesStarts | None = None) -> None:
        self._loads += 1
        sources: dict[str, list[Labels]] = {}
        for labels in samples:
            sources.setdefault(labels.get("instance"), []).append(labels)
        for instance, series in sources.items():
            own = Labels.of(instance=instance)
            source = self._store.source(own, f"load-{self._loads}")
            layout = self._store.layout([labels.drop(("instance",)) for labels in series])
            times = sorted({time for labels in series for time in samples[labels]})
            for time_ms in times:
                values = np.array([samples[labels].get(time_ms, ABSENT) for labels in series])
                given = None
                if starts:
                    known = [starts.get(labels, {}).get(time_ms, 0) for labels in series]
                    given = StartTimes(None, np.array(known, dtype=np.int64))
                self._store.append(source, Vector(time_ms, layout, None, values, given))


class _Current(MemoryStore):
    """A reader of the current store."""

    def __init__(self, current: Callable[[], SampleReader]) -> None:
        super().__init__()
        self._current = current

    def select(
        self,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None = None,
        *,
        starts: bool = False,
        hints: SelectHints | None = None,
    ) -> list[AlignedSeries]:
        return self._current().select(
            matchers, start_ms, end_ms, budget, starts=starts, hints=hints
        )


class MemorySampleStore(MemoryStore):
    """A minimal store that implements `SampleAppender` and `SampleReader`."""

    def source(self, labels: Labels, stream: str = "") -> Source:
        return Source(0, labels, stream)

    def layout(self, series: Sequence[Labels], before: Layout | None = None) -> Layout:
        return Layout(0, tuple(series))

    def append(self, source: Source, vector: Vector) -> None:
        for labels, value, absent in zip(
            vector.layout.series, vector.values, is_absent(vector.values), strict=True
        ):
            if not absent:
                self.load({source.labels.overlaid(labels): {vector.time_ms: value}})
        if vector.starts is not None:
            columns = vector.starts.columns
            places = range(len(vector.layout.series)) if columns is None else columns.tolist()
            for column, start in zip(places, vector.starts.times_ms.tolist(), strict=True):
                labels = source.labels.overlaid(vector.layout.series[column])
                self._starts.setdefault(labels, {})[vector.time_ms] = start

    async def commit(self) -> None:
        pass
