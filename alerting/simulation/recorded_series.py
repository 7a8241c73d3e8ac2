"""Stored samples, with those series in place of the stored ones that a back-test records."""

from collections.abc import Collection, Sequence

import numpy as np

from alerting.simulation.memory_samples import MemorySamples
from model.labels import Labels
from model.matchers import Matcher
from model.series import STALE, AlignedSeries, Values, absent_vector, is_absent
from storage.api.sample_stats import StoreStats
from storage.api.samples import ReadBudget, SampleReader, SelectHints


class RecordedOverStored:
    """Implements `SampleReader`: recorded metrics come from memory, all others from the store."""

    def __init__(
        self, stored: SampleReader, recorded: MemorySamples, metrics: Collection[str]
    ) -> None:
        self._stored, self._recorded, self._metrics = stored, recorded, frozenset(metrics)

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
        """Return the matching series; see `SampleReader.select`."""
        found = self._recorded.select(matchers, start_ms, end_ms, budget)
        for part in self._stored.select(
            matchers, start_ms, end_ms, budget, starts=starts, hints=hints
        ):
            kept = [
                row for row, labels in enumerate(part.labels) if labels.metric not in self._metrics
            ]
            if len(kept) == len(part.labels):
                found.append(part)
            elif kept:
                found.append(part.take(np.array(kept, dtype=np.intp)))
        return found

    def series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[Labels]:
        """Return the stored label sets; a back-test lists none."""
        return self._stored.series(selectors, start_ms, end_ms, limit)

    def label_names(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        """Return the stored label names; a back-test lists none."""
        return self._stored.label_names(selectors, start_ms, end_ms, limit)

    def label_values(
        self,
        name: str,
        selectors: Sequence[Sequence[Matcher]],
        start_ms: int,
        end_ms: int,
        limit: int = 0,
    ) -> list[str]:
        """Return the stored values of a label; a back-test lists none."""
        return self._stored.label_values(name, selectors, start_ms, end_ms, limit)

    def stats(self) -> StoreStats:
        """Return the statistics of the store."""
        return self._stored.stats()


class RecordedRule:
    """The samples of one recording rule, with staleness markers where its series end.

    Attributes:
        samples: how many values are kept.
    """

    def __init__(self) -> None:
        self.samples = 0
        self._alive: set[Labels] = set()

    def series(self, rows: dict[Labels, Values], steps: int) -> list[tuple[Labels, Values]]:
        """Return the series of one stretch of evaluations as they are stored.

        Args:
            rows: the values of each series, ABSENT where the expression has no result.
            steps: the number of evaluations.
        """
        found = []
        for labels in sorted(self._alive - rows.keys()):
            ended = absent_vector(steps)
            ended[:1] = STALE
            found.append((labels, ended))
        alive = set()
        for labels, values in rows.items():
            present = ~is_absent(values)
            before = np.concatenate([[labels in self._alive], present[:-1]])
            marked = values.copy()
            marked[before & ~present] = STALE
            found.append((labels, marked))
            if present[-1]:
                alive.add(labels)
        self._alive = alive
        self.samples += steps * len(found)
        return found
