"""Start times from `_created` series: when counters, histograms and summaries began.

Source: OpenMetrics 1.0, "Counter", "Histogram" and "Summary"; Prometheus's feature flag
`created-timestamp-zero-ingestion`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from model.labels import METRIC_NAME, Labels
from model.metadata import MetricMetadata
from scraper.exposition.delta import ExpositionDelta
from scraper.exposition.families import Families
from storage.api.samples import StartTimes

_CREATED = "_created"
_LATEST_S = 2.0**40
"""Values beyond this many seconds from 1970 are no start times but mistakes."""
_OF_TYPE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "counter": {"_total": ()},
    "histogram": {"_bucket": ("le",), "_count": (), "_sum": ()},
    "summary": {"": ("quantile",), "_count": (), "_sum": ()},
}
"""By metric type: the suffixes of its series, and the labels their `_created` lacks."""


class StartTimeColumns:
    """The columns with start times of other columns, and the last start times.

    The `_created` series themselves are stored like any other series.
    """

    def __init__(self) -> None:
        self._series: Sequence[Labels] = ()
        self._families: Families | None = None
        # For each column the column of its `_created` series, -1 if it has none.
        self._created: NDArray[np.intp] = np.empty(0, np.intp)
        self._is_created: NDArray[np.bool_] = np.empty(0, np.bool_)
        self._last_ms: NDArray[np.int64] | None = None

    def forget(self) -> None:
        """Discard the last start times; the next delta must be complete."""
        self._last_ms = None

    def changed(
        self, delta: ExpositionDelta, series: Sequence[Labels], families: Families
    ) -> StartTimes | None:
        """Return the start times that a delta changes, None if it changes none.

        Args:
            delta: samples of these series.
            series: the labels of each column.
            families: the metric families of the exposition.
        """
        if delta.complete:
            return self._changed_in_all(delta, series, families)
        if self._last_ms is None or not self._is_created.any():
            return None
        is_created = self._is_created[delta.columns]
        if not is_created.any():
            return None
        changed = delta.columns[is_created]
        times = np.zeros(len(self._created), np.int64)
        times[changed] = _milliseconds(delta.values[is_created])
        columns = np.flatnonzero(np.isin(self._created, changed))
        self._last_ms[columns] = times[self._created[columns]]
        return StartTimes(columns.astype(np.uint32), self._last_ms[columns])

    def _changed_in_all(
        self, delta: ExpositionDelta, series: Sequence[Labels], families: Families
    ) -> StartTimes | None:
        if families is not self._families or series is not self._series:
            self._created = _created_columns(series, families.metadata)
            self._is_created = np.zeros(len(series), np.bool_)
            self._is_created[self._created[self._created >= 0]] = True
            self._families, self._series = families, series
        scraped = np.zeros(len(series), np.int64)
        scraped[delta.columns] = _milliseconds(delta.values)
        times = np.where(self._created >= 0, scraped[self._created], 0)
        last, self._last_ms = self._last_ms, times
        if last is None:
            return StartTimes(None, times.copy()) if times.any() else None
        if (last == times[: len(last)]).all() and not times[len(last) :].any():
            return None
        return StartTimes(None, times.copy())


def _milliseconds(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    with np.errstate(invalid="ignore"):
        usable = np.abs(seconds) < _LATEST_S
    milliseconds: NDArray[np.int64]
    milliseconds = np.rint(np.where(usable, seconds, 0.0) * 1000).astype(np.int64)
    return milliseconds


def _created_columns(
    series: Sequence[Labels], metadata: Mapping[str, MetricMetadata]
) -> NDArray[np.intp]:
    """Return for each column the column of its `_created` series, -1 if it has none."""
    created: dict[tuple[str, Labels], int] = {}
    types: dict[str, str] = {}
    for column, labels in enumerate(series):
        base, suffix, _ = labels.metric.rpartition(_CREATED)
        if suffix and base + _CREATED == labels.metric:
            # In the Prometheus text format a counter's family has the name of its series.
            family = metadata.get(base) or metadata.get(f"{base}_total")
            if family is not None and family.type in _OF_TYPE:
                types[base] = family.type
                created[base, labels.drop((METRIC_NAME,))] = column
    columns = np.full(len(series), -1, np.intp)
    if not created:
        return columns
    owners = {
        base + suffix: (base, (METRIC_NAME, *lacking))
        for base, metric_type in types.items()
        for suffix, lacking in _OF_TYPE[metric_type].items()
    }
    for column, labels in enumerate(series):
        owner = owners.get(labels.metric)
        if owner is not None:
            base, lacking = owner
            columns[column] = created.get((base, labels.drop(lacking)), -1)
    return columns
