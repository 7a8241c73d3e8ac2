"""The content of the page of a project's API traffic, ready for its template."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from analytics.requests.latency import bounds_us, merged_bins
from analytics.statistics.proportion import wilson
from storage.api.requests import LatencyCounts, RequestSeries
from web.http.filters import hundredths, localized
from web.http.viewing.texts import gettext

UNKNOWN: Final = "\N{EN DASH}"

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
_MOST_ROWS: Final = 20
"""Of the heat map; more would be thinner than their labels."""


@dataclass(frozen=True, slots=True)
class TrafficRange:
    """A range that the page offers.

    Attributes:
        length_ms: its length.
        step_ms: the length of a bucket; about a hundred are as many as a phone can show.
    """

    length_ms: int
    step_ms: int

    def edges(self, now_ms: int) -> NDArray[np.int64]:
        """Return the edges of the buckets; the last one contains now."""
        end_ms = now_ms // self.step_ms * self.step_ms + self.step_ms
        return np.arange(end_ms - self.length_ms, end_ms + 1, self.step_ms, dtype=np.int64)


RANGES: Final[Mapping[str, TrafficRange]] = {
    "1h": TrafficRange(_HOUR_MS, _MINUTE_MS),
    "6h": TrafficRange(6 * _HOUR_MS, 5 * _MINUTE_MS),
    "24h": TrafficRange(24 * _HOUR_MS, 15 * _MINUTE_MS),
    "7d": TrafficRange(7 * 24 * _HOUR_MS, 2 * _HOUR_MS),
    "30d": TrafficRange(30 * 24 * _HOUR_MS, 6 * _HOUR_MS),
}
DEFAULT_RANGE: Final = "24h"


def latency_text(duration_us: float) -> str:
    """Return a response time with three digits: `0.85 ms`, `12.4 ms`, `1.32 s`."""
    if math.isnan(duration_us):
        return UNKNOWN
    value, unit = (duration_us / 1e6, "s") if duration_us >= 999_500 else (duration_us / 1e3, "ms")
    decimals = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{localized(f'{value:.{decimals}f}')} {unit}"


def share_text(part: int, whole: int) -> str:
    """Return a share in percent: `0.4 %`; a small one is not shown as none."""
    if not whole:
        return UNKNOWN
    percent = part / whole * 100
    return localized("< 0.1 %" if 0 < percent < 0.05 else f"{percent:.1f} %")


def interval_text(part: int, whole: int) -> str:
    """Return the 95 % interval of a share: `0.2 to 0.6 %`; "" without a whole."""
    found = wilson(part, whole)
    if found.low is None or found.high is None:
        return ""
    bounds = {"low": hundredths(found.low), "high": hundredths(found.high)}
    return gettext("%(low)s to %(high)s %%") % bounds


def bucket_labels(edges_ms: NDArray[np.int64], zone: ZoneInfo) -> list[str]:
    """Return the local start of each bucket, with its offset from UTC."""
    return [
        datetime.fromtimestamp(edge / 1000, zone).isoformat(timespec="minutes")
        for edge in edges_ms[:-1].tolist()
    ]


def chart_data(
    labels: Sequence[str],
    edges_ms: Sequence[int],
    complete: Sequence[bool],
    lines: Mapping[str, Sequence[float]],
) -> dict[str, Any]:
    """Return the data of one chart; a bucket without a request has no response time."""
    return {
        "labels": labels,
        "edges": edges_ms,
        "complete": complete,
        "lines": [
            {"name": name, "values": [None if math.isnan(value) else value for value in values]}
            for name, values in lines.items()
        ],
    }


def charts(
    series: RequestSeries,
    labels: Sequence[str],
    edges_ms: Sequence[int],
    complete: Sequence[bool],
) -> dict[str, dict[str, Any]]:
    """Return the data of the charts by their names."""
    with np.errstate(invalid="ignore"):
        client = series.client_errors / series.requests * 100
        server = series.server_errors / series.requests * 100
    lines: dict[str, dict[str, NDArray[Any]]] = {
        "requests": {
            gettext("All"): series.requests,
            "4xx": series.client_errors,
            "5xx": series.server_errors,
        },
        "errors": {"4xx": client, "5xx": server},
        "latency": {
            "p50": series.p50_us / 1000,
            "p95": series.p95_us / 1000,
            "p99": series.p99_us / 1000,
        },
    }
    return {
        name: chart_data(
            labels,
            edges_ms,
            complete,
            {line: np.round(values, 3).tolist() for line, values in drawn.items()},
        )
        for name, drawn in lines.items()
    }


@dataclass(frozen=True, slots=True)
class HeatCell:
    """The requests of one bucket and bin; `strength` is from 0 to 1."""

    column: int
    requests: int
    strength: float
    label: str


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One bin: its cells, and its bar of the histogram.

    Attributes:
        title: the bounds.
        upper: the upper bound, the row's label.
        requests: in the whole range.
        ratio: of the most requests of a bin.
    """

    title: str
    upper: str
    requests: int
    ratio: float
    cells: tuple[HeatCell, ...]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Requests by time and response time, the slowest bin first."""

    columns: int
    rows: tuple[HeatRow, ...]

    @classmethod
    def of(cls, found: LatencyCounts, labels: Sequence[str]) -> "HeatMap":
        """Return the finest map with few enough rows."""
        for per_doubling in (4, 2, 1):
            numbers, counts = merged_bins(found, per_doubling)
            if len(numbers) <= _MOST_ROWS:
                break
        most, most_of_row = int(counts.max(initial=1)), int(counts.sum(axis=0).max(initial=1))
        rows = []
        for place, number in reversed(list(enumerate(numbers))):
            low, high = bounds_us(number, per_doubling)
            column = counts[:, place]
            total = int(column.sum())
            rows.append(
                HeatRow(
                    gettext("above %(low)s, up to %(high)s")
                    % {"low": latency_text(low), "high": latency_text(high)},
                    latency_text(high),
                    total,
                    total / most_of_row,
                    tuple(
                        # The square root: a tenth of the most is still visible.
                        HeatCell(at, count, math.sqrt(count / most), labels[at])
                        for at, count in enumerate(column.tolist())
                        if count
                    ),
                )
            )
        return cls(len(labels), tuple(rows))
