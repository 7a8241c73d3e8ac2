"""Warnings and infos of one query, in Prometheus's words.

Source: Prometheus, util/annotations/annotations.go.
"""

from model.labels import quote
from promql.api import Annotations
from promql.syntax.checks import position
from promql.syntax.numbers import format_general

_MONOTONICITY = (
    "input to histogram_quantile needed to be fixed for monotonicity (see "
    "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
)


class Notes:
    """Collects annotations; each text occurs once, in order of discovery."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._warnings: dict[str, None] = {}
        self._infos: dict[str, None] = {}

    def collected(self) -> Annotations:
        """Return what was found."""
        return Annotations(tuple(self._warnings), tuple(self._infos))

    def _warn(self, message: str, at: int) -> None:
        self._warnings[f"PromQL warning: {message} ({position(self._query, at)})"] = None

    def _inform(self, message: str, at: int) -> None:
        self._infos[f"PromQL info: {message} ({position(self._query, at)})"] = None

    def quantile_out_of_range(self, quantile: float, at: int) -> None:
        """A quantile below 0, above 1 or NaN."""
        shown = format_general(quantile)
        self._warn(f"quantile value should be between 0 and 1, got {shown}", at)

    def ratio_out_of_range(self, ratio: float, capped: float, at: int) -> None:
        """A ratio of `limit_ratio` beyond ±1."""
        shown = f"got {format_general(ratio)}, capping to {format_general(capped)}"
        self._warn(f"ratio value should be between -1 and 1, {shown}", at)

    def bad_bucket_label(self, metric: str, label: str, at: int) -> None:
        """A bucket of a classic histogram whose `le` is missing or no number."""
        message = f'bucket label "le" is missing or has a malformed value of {quote(label)}'
        self._warn(message + _for_metric(metric), at)

    def sort_in_range_query(self, at: int) -> None:
        """Sorting a range query's steps, which the answer cannot show."""
        message = "sort is ineffective for range queries since results are always ordered by labels"
        self._warn(message, at)

    def start_time_overlap(self, metric: str, at: int) -> None:
        """A sample that says it counts from before the sample ahead of it."""
        message = "sample has start time that overlaps with previous sample timestamp"
        self._warn(f"{message} for metric {quote(metric)}", at)

    def incompatible_floats(self, operator: str, at: int) -> None:
        """An operation that native histograms have and floats have not."""
        message = "incompatible sample types encountered for binary operator"
        self._inform(f"{message} {quote(operator)}: float {operator} float", at)

    def possible_non_counter(self, metric: str, at: int) -> None:
        """A rate of something whose name is not a counter's."""
        message = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket:"
        self._inform(f"{message} {quote(metric)}", at)

    def possible_non_counter_type(self, metric: str, kind: str, at: int) -> None:
        """A rate of something whose `__type__` label is not a counter's."""
        message = 'metric might not be a counter, __type__ label is not set to "counter"'
        self._inform(f'{message} or "histogram", got {quote(kind)}: {quote(metric)}', at)

    def forced_monotonicity(self, metric: str, at: int) -> None:
        """A classic histogram whose buckets shrink with growing `le`."""
        self._inform(_MONOTONICITY + _for_metric(metric), at)


def _for_metric(metric: str) -> str:
    return f" for metric name {quote(metric)}" if metric else ""
