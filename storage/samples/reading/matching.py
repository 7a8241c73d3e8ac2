"""Matching: the columns of a layout that a selector matches.

A matcher sees the labels of the source, overridden by those of the series. Most matchers
are about labels that no series of the layout has: these are decided once for each source,
not once for each series.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.distinct import distinct
from model.labels import METRIC_NAME, Labels
from model.matchers import Matcher, MatchOperator
from model.process.garbage import exclude_from_collections
from storage.api.samples import Source
from storage.samples.catalog.layouts import Columns, StoredLayout
from storage.samples.catalog.metric_names import MetricNames

# Clear the cached verdicts at this size: most are about values of series that have ended.
_KNOWN_VERDICTS = 10_000
# Clear the cached columns of layouts at this number: most layouts have ended.
_KNOWN_LAYOUTS = 1_000

Places = slice | NDArray[np.intp]
"""Indices of an axis; a slice if they are consecutive, because numpy copies that faster."""


def as_slice(indices: NDArray[np.intp]) -> Places:
    """Return ascending indices, as a slice if they are consecutive."""
    if len(indices) and int(indices[-1]) - int(indices[0]) == len(indices) - 1:
        return slice(int(indices[0]), int(indices[-1]) + 1)
    return indices


@dataclass(frozen=True, slots=True, eq=False)
class PiecePart:
    """The rows of one metric's pieces that a match selects.

    Attributes:
        code: the metric.
        width: the number of series in a piece of this layout.
        rows: the selected ones, None for all.
        places: their places among the columns of the match.
    """

    code: int
    width: int
    rows: Places | None
    places: NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class MatchedColumns:
    """Some columns of a layout; sources that share the layout mostly share this object.

    Attributes:
        columns: the column numbers, ascending.
        parts: the columns by metric, each with its places among them.
    """

    columns: Columns
    parts: tuple[tuple[PiecePart, Places], ...]

    @classmethod
    def of(cls, layout: StoredLayout, columns: Columns) -> "MatchedColumns":
        """Split columns by metric."""
        codes = layout.codes[columns]
        parts = []
        for code in distinct(codes).tolist():
            places = np.flatnonzero(codes == code)
            piece = layout.columns_of(code)
            wanted = columns[places]
            rows = None
            if len(wanted) < len(piece):
                rows = as_slice(np.searchsorted(piece, wanted))
            parts.append((PiecePart(code, len(piece), rows, places), as_slice(places)))
        return cls(columns, tuple(parts))


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """The columns of one source's layout that a selector matches, at least one.

    Attributes:
        layout: the layout of the columns.
        matched: the columns.
        labels: their label sets, the source's labels included.
    """

    layout: StoredLayout
    matched: MatchedColumns
    labels: tuple[Labels, ...]

    @property
    def columns(self) -> Columns:
        """The column numbers, ascending."""
        return self.matched.columns


class Selector:
    """A list of matchers, with caches for matching many layouts."""

    def __init__(self, matchers: Sequence[Matcher], metrics: MetricNames) -> None:
        self._metrics = metrics
        self._by_name = [matcher for matcher in matchers if matcher.name == METRIC_NAME]
        self._by_label = [matcher for matcher in matchers if matcher.name != METRIC_NAME]
        self._verdicts: dict[tuple[int, str], bool] = {}
        self._wanted = np.zeros(0, np.bool_)
        # By layout, whether it has series whose metric name matches.
        self._with_metric: dict[int, bool] = {}
        # By layout, and by the source's values of the labels that its series may have.
        self._matched: dict[tuple[int, tuple[str, ...]], MatchedColumns] = {}

    @property
    def label_names(self) -> frozenset[str]:
        """The label names that the matchers are about, except the metric name."""
        return frozenset(matcher.name for matcher in self._by_label)

    def admits(self, source: Source) -> bool:
        """Whether a source's own labels match, if no series has one of `label_names`."""
        return all(
            self._verdict(number, source.labels.get(matcher.name))
            for number, matcher in enumerate(self._by_label)
        )

    def has_metric(self, layout: StoredLayout) -> bool:
        """Whether a layout has series whose metric name matches."""
        known = self._with_metric.get(layout.id)
        if known is None:
            if len(self._with_metric) >= _KNOWN_VERDICTS:
                self._with_metric.clear()
            known = self._with_metric[layout.id] = len(self._columns(layout)) > 0
        return known

    def match(
        self, source: Source, layout: StoredLayout, shared: dict[Labels, Labels] | None = None
    ) -> Match | None:
        """Return the columns of a source's layout that match, None if none does.

        Label sets that are in `shared` are reused, new ones are added to it.
        """
        per_series = []
        for number, matcher in enumerate(self._by_label):
            if matcher.name in layout.label_names:
                per_series.append((number, matcher.name, source.labels.get(matcher.name)))
            elif not self._verdict(number, source.labels.get(matcher.name)):
                return None
        matched = self._by_layout(layout, per_series)
        columns = matched.columns
        if len(columns) == 0:
            return None
        labels = _overlay(source.labels, layout, columns)
        first = {one: place for place, one in reversed(list(enumerate(labels)))}
        if len(first) < len(labels):
            # Two series with the same label set once the source's labels are added: keep
            # the first.
            kept = np.array(sorted(first.values()), np.intp)
            columns, labels = columns[kept], tuple(labels[place] for place in kept.tolist())
        if shared is not None:
            labels = tuple(shared.setdefault(one, one) for one in labels)
        if columns is not matched.columns:
            matched = MatchedColumns.of(layout, columns)
        return Match(layout, matched, labels)

    def forget_verdicts(self) -> None:
        """Clear the cached verdicts once there are many."""
        if len(self._verdicts) > _KNOWN_VERDICTS:
            self._verdicts.clear()

    def _by_layout(
        self, layout: StoredLayout, per_series: Sequence[tuple[int, str, str]]
    ) -> MatchedColumns:
        """Return the columns that match.

        Args:
            layout: the layout of the columns.
            per_series: number and label name of each matcher about a label that series of
                the layout have, and the value of the series that do not have it.
        """
        key = layout.id, tuple([otherwise for _, _, otherwise in per_series])
        known = self._matched.get(key)
        if known is None:
            if len(self._matched) >= _KNOWN_LAYOUTS:
                self._matched.clear()
            columns, series = self._columns(layout), layout.series
            for number, name, otherwise in per_series:
                matches = [
                    self._verdict(number, series[column].get(name) or otherwise)
                    for column in columns.tolist()
                ]
                columns = columns[matches]
            known = self._matched[key] = MatchedColumns.of(layout, columns)
        return known

    def _verdict(self, number: int, value: str) -> bool:
        matcher = self._by_label[number]
        if not matcher.is_pattern:
            # A page of one host among 400 would remember 400 values for each of its charts.
            return matcher.matches(value)
        key = (number, value)
        known = self._verdicts.get(key)
        if known is None:
            known = self._verdicts[key] = matcher.matches(value)
        return known

    def _columns(self, layout: StoredLayout) -> Columns:
        if len(self._by_name) == 1 and self._by_name[0].operator is MatchOperator.EQUAL:
            code = self._metrics.find(self._by_name[0].value)
            return layout.columns_of(-1 if code is None else code)
        if not self._by_name:
            return np.arange(len(layout.series))
        return np.flatnonzero(self._wanted_codes()[layout.codes])

    def _wanted_codes(self) -> NDArray[np.bool_]:
        """Return for each metric code whether the name matches."""
        if len(self._wanted) < len(self._metrics):
            names = (name for _, name in self._metrics)
            self._wanted = np.array(
                [all(matcher.matches(name) for matcher in self._by_name) for name in names]
            )
        return self._wanted


def _overlay(lower: Labels, layout: StoredLayout, columns: Columns) -> tuple[Labels, ...]:
    series = layout.series
    chosen = [series[column] for column in columns.tolist()]
    if any(name in layout.label_names for name, _ in lower):
        merged = tuple(lower.overlaid(upper) for upper in chosen)
    else:
        # No common label name: sorting the pairs is enough, and takes half the time.
        merged = tuple(Labels(sorted(lower + upper)) for upper in chosen)
    for labels in merged:
        # Selectors that are asked again and again keep them.
        exclude_from_collections(labels)
    exclude_from_collections(merged)
    return merged
