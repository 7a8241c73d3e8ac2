"""Renders samples as OpenMetrics text with timestamps, which `history` reads back.

Source: OpenMetrics 1.0, "Text format"; Prometheus documentation, "UTF-8 names".
"""

import math
from collections.abc import Iterator

import numpy as np

from model.labels import METRIC_NAME, Labels, quote
from model.series import AlignedSeries, is_absent, is_stale
from scraper.exposition.names import is_legacy_label_name, is_legacy_metric_name

END = b"# EOF\n"


def render_series(labels: Labels) -> str:
    """Return metric name and labels, the first part of a sample line."""
    pairs = [
        f"{name if is_legacy_label_name(name) else quote(name)}={quote(value)}"
        for name, value in labels
        if name != METRIC_NAME
    ]
    metric = labels.metric
    if is_legacy_metric_name(metric):
        return f"{metric}{{{','.join(pairs)}}}" if pairs else metric
    return f"{{{','.join([quote(metric), *pairs])}}}"


def render_value(value: float) -> str:
    """Return the shortest text that parses to the same bits; NaN loses its payload."""
    if math.isfinite(value):
        return repr(value).removesuffix(".0")
    if math.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"


def render_time(time_ms: int) -> str:
    """Return a time as Unix seconds with three decimals."""
    seconds, rest_ms = divmod(abs(time_ms), 1000)
    return f"{'-' * (time_ms < 0)}{seconds}.{rest_ms:03d}"


def render_samples(series: AlignedSeries) -> Iterator[bytes]:
    """Yield the lines of each series in turn, without staleness markers."""
    present = ~(is_absent(series.values) | is_stale(series.values))
    texts: dict[int, str] = {}
    for place, labels in enumerate(series.labels):
        columns = np.flatnonzero(present[place])
        times = series.times_ms[series.rows[place], columns].tolist()
        for time_ms in times:
            if time_ms not in texts:
                texts[time_ms] = render_time(time_ms)
        prefix = render_series(labels)
        values = map(render_value, series.values[place, columns].tolist())
        yield "".join(
            f"{prefix} {value} {texts[time_ms]}\n"
            for value, time_ms in zip(values, times, strict=True)
        ).encode()
