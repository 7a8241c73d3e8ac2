"""Samples as OpenMetrics text with timestamps: what `history` reads.

Source: OpenMetrics 1.0, "Text format"; Prometheus documentation, "UTF-8 names".
"""

import math
import re
from collections.abc import Iterator

import numpy as np

from model.labels import METRIC_NAME, Labels, quote
from model.series import AlignedSeries, is_absent, is_stale
from scraper.exposition.grammar import LABEL_NAME, LEGACY_METRIC_NAME

END = b"# EOF\n"

_METRIC_NAME = re.compile(LEGACY_METRIC_NAME)
_LABEL_NAME = re.compile(LABEL_NAME)


def render_series(labels: Labels) -> str:
    """Return name and labels as a line begins."""
    pairs = [
        f"{name if _LABEL_NAME.fullmatch(name) else quote(name)}={quote(value)}"
        for name, value in labels
        if name != METRIC_NAME
    ]
    metric = labels.metric
    if _METRIC_NAME.fullmatch(metric):
        return f"{metric}{{{','.join(pairs)}}}" if pairs else metric
    return f"{{{','.join([quote(metric), *pairs])}}}"


def render_value(value: float) -> str:
    """Return a number so that it is read back to the bit; NaN without its payload."""
    if math.isfinite(value):
        return repr(value).removesuffix(".0")
    if math.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"


def render_time(time_ms: int) -> str:
    """Return Unix seconds."""
    seconds, rest_ms = divmod(abs(time_ms), 1000)
    return f"{'-' * (time_ms < 0)}{seconds}.{rest_ms:03d}"


def render_samples(series: AlignedSeries) -> Iterator[bytes]:
    """Yield the lines of one series after the other; staleness markers are left out."""
    there = ~(is_absent(series.values) | is_stale(series.values))
    stamps: dict[int, str] = {}
    for place, labels in enumerate(series.labels):
        columns = np.flatnonzero(there[place])
        times = series.times_ms[series.rows[place], columns].tolist()
        for time_ms in times:
            if time_ms not in stamps:
                stamps[time_ms] = render_time(time_ms)
        head = render_series(labels)
        values = map(render_value, series.values[place, columns].tolist())
        yield "".join(
            f"{head} {value} {stamps[time_ms]}\n"
            for value, time_ms in zip(values, times, strict=True)
        ).encode()
