"""A group of pushed metrics, and its vectors."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ingest.gateway.families import Families, GroupKey, series_of
from model.labels import METRIC_NAME, Labels
from model.series import STALE
from storage.api.samples import SampleAppender
from storage.api.vector_appender import VectorAppender

PUSH_TIME: Final = "push_time_seconds"
FAILURE_TIME: Final = "push_failure_time_seconds"

_STREAM: Final = "pushgateway"
# Columns of ended series are removed if they outnumber the others and this number.
_FEW: Final = 16


@dataclass(frozen=True, slots=True)
class MetricGroup:
    """The metrics of one group, as last pushed.

    Attributes:
        key: the group's labels.
        families: its metric families, without the gateway's own two metrics.
        pushed_ms: when a push last succeeded, 0 for never.
        failed_ms: when a push last failed, 0 for never.
    """

    key: GroupKey
    families: Families
    pushed_ms: int = 0
    failed_ms: int = 0

    @property
    def labels(self) -> Labels:
        """The group's labels, which every series of the group has."""
        return Labels.of(self.key)

    def series(self) -> dict[Labels, float]:
        """Return the values of all series, with the times of the last pushes."""
        return {
            **series_of(self.families),
            Labels.of({METRIC_NAME: PUSH_TIME}): self.pushed_ms / 1000,
            Labels.of({METRIC_NAME: FAILURE_TIME}): self.failed_ms / 1000,
        }


class GroupAppender:
    """Appends the vectors of one group."""

    def __init__(self, appender: SampleAppender, labels: Labels) -> None:
        self._vectors = VectorAppender(appender, labels, _STREAM)
        self._columns: dict[Labels, int] = {}

    def append(self, time_ms: int, series: dict[Labels, float]) -> None:
        """Append the values of all series; series that are missing end."""
        vectors = self._vectors
        for labels in series:
            self._columns.setdefault(labels, len(self._columns))
        vectors.grow(len(self._columns))
        columns = np.array([self._columns[labels] for labels in series], np.int32)
        vanished = vectors.alive.copy()
        vanished[columns] = False
        ended = np.flatnonzero(vanished).astype(np.int32)
        columns, values = vectors.changed(columns, np.array(list(series.values()), np.float64))
        vectors.append(
            time_ms,
            tuple(self._columns),
            np.concatenate([columns, ended]),
            np.concatenate([values, np.full(len(ended), STALE)]),
        )
        self._compact()

    def _compact(self) -> None:
        """Remove the columns of ended series if they are the majority."""
        alive = self._vectors.alive
        if len(alive) - alive.sum() > max(_FEW, alive.sum()):
            self._vectors.compact(alive.copy())
            living = [labels for labels, column in self._columns.items() if alive[column]]
            self._columns = {labels: column for column, labels in enumerate(living)}

    def end(self, time_ms: int) -> None:
        """End every series."""
        self._vectors.end(time_ms)
