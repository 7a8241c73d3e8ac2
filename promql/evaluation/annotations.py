"""The annotations of one query: warnings and infos, in Prometheus's words.

Source: Prometheus, util/annotations/annotations.go.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Final

from model.labels import quote
from promql.api import Annotations
from promql.syntax.checks import position
from promql.syntax.numbers import format_general

_MOST: Final = 10
_MONOTONICITY = (
    "input to histogram_quantile needed to be fixed for monotonicity (see "
    "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
)


class AnnotationCollector:
    """Collects the annotations of one query.

    A text that occurs at several positions is kept once, with the last position.
    """

    def __init__(self, query: str) -> None:
        self._query = query
        self._warnings: dict[str, int] = {}
        self._infos: dict[str, int] = {}

    def collected(self) -> Annotations:
        """Return the annotations so far, at most ten of each kind."""
        return Annotations(
            self._formatted("warning", self._warnings), self._formatted("info", self._infos)
        )

    def _formatted(self, kind: str, texts: Mapping[str, int]) -> tuple[str, ...]:
        shown = [
            f"PromQL {kind}: {text} ({position(self._query, at)})"
            for text, at in islice(texts.items(), _MOST)
        ]
        if len(texts) > _MOST:
            shown.append(f"{len(texts) - _MOST} more {kind} annotations omitted")
        return tuple(shown)

    def _warn(self, message: str, at: int) -> None:
        self._warnings[message] = at

    def _inform(self, message: str, at: int) -> None:
        self._infos[message] = at

    def quantile_out_of_range(self, quantile: float, at: int) -> None:
        """Warn of a quantile that is below 0, above 1 or NaN."""
        shown = format_general(quantile)
        self._warn(f"quantile value should be between 0 and 1, got {shown}", at)

    def ratio_out_of_range(self, ratio: float, capped: float, at: int) -> None:
        """Warn of a ratio of `limit_ratio` beyond ±1."""
        shown = f"got {format_general(ratio)}, capping to {format_general(capped)}"
        self._warn(f"ratio value should be between -1 and 1, {shown}", at)

    def bad_bucket_label(self, metric: str, label: str, at: int) -> None:
        """Warn of a bucket whose label `le` is missing or not a number."""
        message = f'bucket label "le" is missing or has a malformed value of {quote(label)}'
        self._warn(message + _for_metric(metric), at)

    def sort_in_range_query(self, at: int) -> None:
        """Warn of a sort in a range query, whose result is always ordered by labels."""
        message = "sort is ineffective for range queries since results are always ordered by labels"
        self._warn(message, at)

    def start_time_overlap(self, metric: str, at: int) -> None:
        """Warn of a sample whose start time is before the previous sample."""
        message = "sample has start time that overlaps with previous sample timestamp"
        self._warn(f"{message} for metric {quote(metric)}", at)

    def incompatible_floats(self, operator: str, at: int) -> None:
        """Note an operator that only native histograms have, applied to floats."""
        message = "incompatible sample types encountered for binary operator"
        self._inform(f"{message} {quote(operator)}: float {operator} float", at)

    def possible_non_counter(self, metric: str, at: int) -> None:
        """Note a rate of a metric whose name does not end like a counter's."""
        message = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket:"
        self._inform(f"{message} {quote(metric)}", at)

    def possible_non_counter_type(self, metric: str, kind: str, at: int) -> None:
        """Note a rate of a metric whose `__type__` label is not a counter's."""
        message = 'metric might not be a counter, __type__ label is not set to "counter"'
        self._inform(f'{message} or "histogram", got {quote(kind)}: {quote(metric)}', at)

    def forced_monotonicity(self, metric: str, at: int) -> None:
        """Note a classic histogram whose counts fall with growing `le`."""
        self._inform(_MONOTONICITY + _for_metric(metric), at)


def _for_metric(metric: str) -> str:
    return f" for metric name {quote(metric)}" if metric else ""
