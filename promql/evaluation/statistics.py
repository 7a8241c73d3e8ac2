"""Measures a query: the time of each phase, and the samples of each step.

Source: Prometheus documentation, "HTTP API", the parameter `stats`.
"""

from collections.abc import Callable, Iterator

import numpy as np

from model.series import AlignedSeries
from promql.api import (
    Annotations,
    Answer,
    InstantVector,
    QueryStatistics,
    Scalar,
    String,
)
from promql.evaluation.instant_selection import InstantSelection
from promql.kernels.ranges.windows import Windows
from promql.kernels.steps import Steps
from promql.running.guard import Guard


class StepCounter:
    """Counts the samples that are evaluated for each step.

    Expressions with the same value at all steps are evaluated once and count for every
    step: their counts have the shape (1,).

    Attributes:
        counts: shape (S,), int64, the samples evaluated for each step.
    """

    def __init__(self, steps: Steps) -> None:
        self.counts = np.zeros(steps.count, np.int64)

    def count_instant(self, found: Iterator[InstantSelection]) -> Iterator[InstantSelection]:
        """Count the samples of an instant selector and pass its blocks on."""
        for each in found:
            self.counts += each.vector.present.sum(axis=0)
            yield each

    def count_windows(self, windows: Windows) -> None:
        """Count the samples in windows."""
        held = np.maximum(windows.count, 0)
        if len(held) == 1:
            self.counts += held[0] * len(windows.samples)
        else:
            self.counts += np.bincount(windows.samples.rows, minlength=len(held)) @ held


class QueryMeasurement:
    """Measures one evaluation.

    Attributes:
        guard: the query's limits.
        counter: counts the samples of each step; None without statistics.
    """

    def __init__(self, guard: Guard, monotonic: Callable[[], float]) -> None:
        self.guard = guard
        self.counter: StepCounter | None = None
        self._steps: Steps | None = None
        self._monotonic = monotonic
        self._begun = self._prepared = self._evaluated = monotonic()

    def count(self, steps: Steps) -> None:
        """Start to count the samples of each step."""
        self._steps, self.counter = steps, StepCounter(steps)

    def prepared(self) -> None:
        """Record the end of the preparation."""
        self._prepared = self._monotonic()

    def evaluated(self) -> None:
        """Record the end of the evaluation."""
        self._evaluated = self._monotonic()

    def answer(
        self, value: Scalar | String | InstantVector | AlignedSeries, annotations: Annotations
    ) -> Answer:
        """Return the answer, with statistics if they were asked for."""
        statistics = None
        if self.counter is not None and self._steps is not None:
            statistics = QueryStatistics(
                self._begun - self.guard.started,
                self._prepared - self._begun,
                self._evaluated - self._prepared,
                self._monotonic() - self._evaluated,
                self.guard.peak,
                self.counter.counts,
                self._steps.times_ms,
            )
        return Answer(value, annotations, self.guard.samples, statistics)
