"""Start times from `_created` series: since when counters, histograms and summaries count.

Source: OpenMetrics 1.0, "Counter", "Histogram" and "Summary"; Prometheus's feature flag
`created-timestamp-zero-ingestion`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from model.labels import METRIC_NAME, Labels
from scraper.exposition.families import Families, MetricMetadata
from scraper.exposition.readings import Reading
from storage.api.samples import StartTimes

_CREATED = "_created"
_LATEST_S = 2.0**40
"""Further from 1970 lies no time; what is beyond is no start time but a mistake."""
_OF_TYPE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "counter": {"_total": ()},
    "histogram": {"_bucket": ("le",), "_count": (), "_sum": ()},
    "summary": {"": ("quantile",), "_count": (), "_sum": ()},
}
"""For each metric type the suffixes of its series, and the labels that `_created` lacks."""


class StartColumns:
    """Knows which columns say when others began, and what they last said.

    The `_created` series are stored like any others; this looks on as they are.
    """

    def __init__(self) -> None:
        self._series: Sequence[Labels] = ()
        self._families: Families | None = None
        # For each column the one that says when it began, -1 for most.
        self._origin: NDArray[np.intp] = np.empty(0, np.intp)
        self._is_created: NDArray[np.bool_] = np.empty(0, np.bool_)
        self._given: NDArray[np.int64] | None = None

    def forget(self) -> None:
        """Give every start time with the next reading, which must be complete."""
        self._given = None

    def of(
        self, reading: Reading, series: Sequence[Labels], families: Families
    ) -> StartTimes | None:
        """Return the start times that a reading changes, None if it changes none.

        Args:
            reading: of these series.
            series: for each column its labels.
            families: what the exposition says of its metrics.
        """
        if reading.complete:
            return self._whole(reading, series, families)
        if self._given is None or not self._is_created.any():
            return None
        told = self._is_created[reading.columns]
        if not told.any():
            return None
        times = np.zeros(len(self._origin), np.int64)
        times[reading.columns[told]] = _milliseconds(reading.values[told])
        columns = np.flatnonzero(np.isin(self._origin, reading.columns[told]))
        self._given[columns] = times[self._origin[columns]]
        return StartTimes(columns.astype(np.uint32), self._given[columns])

    def _whole(
        self, reading: Reading, series: Sequence[Labels], families: Families
    ) -> StartTimes | None:
        if families is not self._families or series is not self._series:
            self._origin = _origins(series, families.metadata)
            self._is_created = np.zeros(len(series), np.bool_)
            self._is_created[self._origin[self._origin >= 0]] = True
            self._families, self._series = families, series
        read = np.zeros(len(series), np.int64)
        read[reading.columns] = _milliseconds(reading.values)
        times = np.where(self._origin >= 0, read[self._origin], 0)
        given, self._given = self._given, times
        if given is None:
            return StartTimes(None, times.copy()) if times.any() else None
        if (given == times[: len(given)]).all() and not times[len(given) :].any():
            return None
        return StartTimes(None, times.copy())


def _milliseconds(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    with np.errstate(invalid="ignore"):
        usable = np.abs(seconds) < _LATEST_S
    milliseconds: NDArray[np.int64]
    milliseconds = np.rint(np.where(usable, seconds, 0.0) * 1000).astype(np.int64)
    return milliseconds


def _origins(series: Sequence[Labels], metadata: Mapping[str, MetricMetadata]) -> NDArray[np.intp]:
    created: dict[tuple[str, Labels], int] = {}
    kinds: dict[str, str] = {}
    for column, labels in enumerate(series):
        base, suffix, _ = labels.metric.rpartition(_CREATED)
        if suffix and base + _CREATED == labels.metric:
            # In the Prometheus text format a counter's family is called like its series.
            family = metadata.get(base) or metadata.get(f"{base}_total")
            if family is not None and family.type in _OF_TYPE:
                kinds[base] = family.type
                created[base, labels.drop((METRIC_NAME,))] = column
    origins = np.full(len(series), -1, np.intp)
    if not created:
        return origins
    owners = {
        base + suffix: (base, (METRIC_NAME, *lacking))
        for base, kind in kinds.items()
        for suffix, lacking in _OF_TYPE[kind].items()
    }
    for column, labels in enumerate(series):
        owner = owners.get(labels.metric)
        if owner is not None:
            base, lacking = owner
            origins[column] = created.get((base, labels.drop(lacking)), -1)
    return origins
