"""The series that evaluations write: recorded results and `ALERTS`.

Source: Prometheus documentation, "Alerting rules", inspecting alerts during runtime;
rules/group.go for staleness: a series that an evaluation no longer produces ends.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from model.labels import METRIC_NAME, Labels
from model.series import STALE_BITS
from storage.api.alerts import Alert, AlertState
from storage.api.rewinding import RewindingSource, is_rewound
from storage.api.samples import Layout, SampleAppender, Vector

# A layout is rebuilt once it has more than this and twice the columns in use.
_SPARE_COLUMNS = 64


class SeriesWriter:
    """Appends one vector for each evaluation to a source of its own, `stream`."""

    def __init__(self, appender: SampleAppender, stream: str) -> None:
        self._appender, self.stream = appender, stream
        self._source = RewindingSource(appender, Labels(), stream)
        self._columns: dict[Labels, int] = {}
        self._layout: Layout | None = None
        self._last = np.empty(0, dtype=np.uint64)
        self._last_ms: int | None = None

    def write(self, values: Mapping[Labels, float], time_ms: int) -> None:
        """Append these values, and staleness markers for series without a value.

        Nothing is appended if the time is not newer than the last one, or if there have
        never been any series.

        Raises:
            StorageError: the store rejected the vector.
        """
        if not (values or self._columns):
            return
        last_ms = self._last_ms
        if last_ms is not None and time_ms <= last_ms and not is_rewound(last_ms, time_ms):
            return
        if 0 < time_ms <= self._source.overtaken_ms:
            # The vector of the time before the clock was set back has the same time.
            time_ms += 1
        rebuilt = self._rebuild(values)
        for labels in values:
            self._columns.setdefault(labels, len(self._columns))
        if self._layout is None or len(self._layout.series) < len(self._columns):
            self._layout = self._appender.layout(tuple(self._columns))
        bits = np.full(len(self._columns), STALE_BITS, dtype=np.uint64)
        at = np.fromiter((self._columns[labels] for labels in values), np.intp, len(values))
        bits[at] = np.fromiter(values.values(), np.float64, len(values)).view(np.uint64)
        known = len(self._last)
        if rebuilt or not known:
            columns, given = None, bits
        else:
            changed = np.concatenate([bits[:known] != self._last, np.ones(len(bits) - known, bool)])
            columns, given = np.flatnonzero(changed).astype(np.uint32), bits[changed]
        layout = self._layout
        self._source.append(
            Vector(time_ms, layout, columns, given.view(np.float64)),
            lambda: Vector(time_ms, layout, None, bits.view(np.float64)),
        )
        self._last, self._last_ms = bits, time_ms

    def _rebuild(self, values: Mapping[Labels, float]) -> bool:
        """Drop the columns of ended series if they are many; return whether it did."""
        if len(self._columns) <= 2 * len(values) + _SPARE_COLUMNS:
            return False
        ended = set(np.flatnonzero(self._last == STALE_BITS).tolist())
        kept = [
            labels
            for labels, column in self._columns.items()
            if column not in ended or labels in values
        ]
        if len(kept) > len(self._columns) // 2:
            return False
        self._columns = {labels: column for column, labels in enumerate(kept)}
        self._layout = None
        return True


def alert_series(alerts: Iterable[Alert]) -> dict[Labels, float]:
    """Return the series `ALERTS` and `ALERTS_FOR_STATE` of open alerts.

    The label `alertstate` of `ALERTS` is pending, firing or no_data. The value of
    `ALERTS_FOR_STATE` is the Unix time at which the alert became active, in whole seconds
    as in Prometheus.
    """
    series = {}
    for alert in alerts:
        if not alert.is_open:
            continue
        own = Labels.of(((METRIC_NAME, "ALERTS"), ("alertstate", alert.state.value)))
        series[alert.labels.overlaid(own)] = 1.0
        if alert.state is not AlertState.NO_DATA:
            own = Labels.of(((METRIC_NAME, "ALERTS_FOR_STATE"),))
            series[alert.labels.overlaid(own)] = float(alert.active_ms // 1000)
    return series
