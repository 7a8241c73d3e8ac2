"""A `SampleAppender` that records every vector and checks the contract."""

from collections.abc import Sequence

import numpy as np

from model.labels import Labels
from model.series import ABSENT_BITS, STALE_BITS
from storage.api.errors import OutOfOrderError, StorageError
from storage.api.samples import Layout, Source, Vector

STALE = "stale"
"""Represents the staleness marker in `samples`."""


class _Head:
    def __init__(self) -> None:
        self.layout: Layout | None = None
        self.values = np.empty(0)
        self.last_ms = -(2**63)
        self.ended: set[Labels] = set()


class RecordingAppender:
    """`SampleAppender` for tests.

    Attributes:
        samples: the samples of each series in order of arrival, by complete label set.
        vectors: every appended vector with its source.
        failing: if set, `append` raises it.
    """

    def __init__(self) -> None:
        self.samples: dict[Labels, list[tuple[int, float | str]]] = {}
        self.vectors: list[tuple[Source, Vector]] = []
        self.failing: StorageError | None = None
        self._sources: dict[tuple[Labels, str], Source] = {}
        self._layouts: dict[tuple[Labels, ...], Layout] = {}
        self._heads: dict[int, _Head] = {}

    def source(self, labels: Labels, stream: str = "") -> Source:
        new = Source(len(self._sources), labels, stream)
        return self._sources.setdefault((labels, stream), new)

    def layout(self, series: Sequence[Labels], before: Layout | None = None) -> Layout:
        key = tuple(series)
        assert len(set(key)) == len(key)
        return self._layouts.setdefault(key, Layout(len(self._layouts), key))

    def append(self, source: Source, vector: Vector) -> None:
        if self.failing:
            raise self.failing
        head = self._heads.setdefault(source.id, _Head())
        if vector.time_ms <= head.last_ms:
            raise OutOfOrderError(str(source), vector.time_ms, head.last_ms)
        width = len(vector.layout.series)
        if vector.columns is None:
            assert vector.values.shape == (width,)
            values = vector.values.copy()
        else:
            assert head.layout is not None
            known = head.layout.series
            assert vector.layout.series[: len(known)] == known
            assert vector.columns.dtype == np.uint32
            assert (np.diff(vector.columns.astype(np.int64)) > 0).all()
            assert vector.columns.shape == vector.values.shape
            values = np.full(width, ABSENT_BITS, np.uint64).view(np.float64)
            values[: len(known)] = head.values
            values[vector.columns] = vector.values
        ended = head.ended
        head.layout, head.last_ms, head.values = vector.layout, vector.time_ms, values
        bits = values.view(np.uint64)
        head.ended = {
            labels
            for column, labels in enumerate(vector.layout.series)
            if bits[column] == STALE_BITS
        }
        self.vectors.append((source, vector))
        for column, labels in enumerate(vector.layout.series):
            if bits[column] == ABSENT_BITS or labels in ended & head.ended:
                continue
            value = STALE if labels in head.ended else float(values[column])
            whole = source.labels.overlaid(labels)
            self.samples.setdefault(whole, []).append((vector.time_ms, value))

    async def commit(self) -> None:
        """Return at once."""

    def of(self, metric: str, **labels: str) -> list[tuple[int, float | str]]:
        """Return the samples of the only series with this metric and these labels."""
        wanted = set(Labels.of({"__name__": metric} | labels))
        (found,) = [key for key in self.samples if wanted <= set(key)]
        return self.samples[found]
