"""A sample store in memory, for scripts: quick, and as full of gaps as a real one."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from model.labels import Labels
from model.matchers import Matcher, matches_all
from model.series import AlignedSeries, absent_matrix
from storage.api.samples import ReadBudget, SampleReader, StoreStats

SeriesSamples = dict[Labels, dict[int, float]]
"""Values by time (Unix milliseconds) by series."""


class ScriptStore(Protocol):
    """What a script needs of a store: another one can be run in its place."""

    @property
    def reader(self) -> SampleReader:
        """What the engine reads from."""

    def load(self, samples: SeriesSamples) -> None:
        """Add samples."""

    def clear(self) -> None:
        """Forget all samples."""


class MemoryStore:
    """Keeps samples in dictionaries; series with one `instance` label share a matrix."""

    def __init__(self) -> None:
        self._samples: SeriesSamples = {}

    @property
    def reader(self) -> SampleReader:
        return self

    def load(self, samples: SeriesSamples) -> None:
        for labels, values in samples.items():
            self._samples.setdefault(labels, {}).update(values)

    def clear(self) -> None:
        self._samples.clear()

    def select(
        self,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None = None,
    ) -> list[AlignedSeries]:
        groups: dict[str, list[Labels]] = {}
        for labels in self._samples:
            if matches_all(matchers, labels):
                groups.setdefault(labels.get("instance"), []).append(labels)
        found = [self._aligned(labels, start_ms, end_ms) for labels in groups.values()]
        if budget is not None:
            for part in found:
                budget.spend(part.sample_slots)
        return [part for part in found if part.labels]

    def _aligned(self, labels: list[Labels], start_ms: int, end_ms: int) -> AlignedSeries:
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
        return AlignedSeries.of_source(list(inside), np.array(times, dtype=np.int64), matrix)

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
