"""What a query costs: its time, and the samples it looks at, step by step.

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
from promql.evaluation.selection import Sighting
from promql.kernels.vectors import Steps
from promql.kernels.windows import Windows
from promql.running.guard import Guard


class StepCounter:
    """Counts samples by step.

    What is the same at all steps is evaluated once, and counts for each: the shapes
    here are (S,) or (1,).

    Attributes:
        counts: shape (S,), int64, the samples looked at for each of the query's steps.
    """

    def __init__(self, steps: Steps) -> None:
        self.counts = np.zeros(steps.count, np.int64)

    def sightings(self, found: Iterator[Sighting]) -> Iterator[Sighting]:
        """Count what an instant selector sees."""
        for each in found:
            self.counts += each.vector.present.sum(axis=0)
            yield each

    def windows(self, windows: Windows) -> None:
        """Count the samples in ranges."""
        held = np.maximum(windows.count, 0)
        if len(held) == 1:
            self.counts += held[0] * len(windows.samples)
        else:
            self.counts += np.bincount(windows.samples.rows, minlength=len(held)) @ held


class Run:
    """One evaluation's clock and counter.

    Attributes:
        guard: the query's limits.
        counter: counts samples where statistics are wanted.
    """

    def __init__(self, guard: Guard, monotonic: Callable[[], float]) -> None:
        self.guard = guard
        self.counter: StepCounter | None = None
        self._steps: Steps | None = None
        self._monotonic = monotonic
        self._begun = self._prepared = self._evaluated = monotonic()

    def count(self, steps: Steps) -> None:
        """Count the samples looked at for each step."""
        self._steps, self.counter = steps, StepCounter(steps)

    def prepared(self) -> None:
        """Note that evaluation begins."""
        self._prepared = self._monotonic()

    def evaluated(self) -> None:
        """Note that all is computed."""
        self._evaluated = self._monotonic()

    def answer(
        self, value: Scalar | String | InstantVector | AlignedSeries, annotations: Annotations
    ) -> Answer:
        """Return the answer, with what it cost where somebody wants to know."""
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
