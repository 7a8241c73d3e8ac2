"""Which columns of which layout a selector means: matchers against the catalog.

Matchers see the source's labels with the series' own on top. Most concern labels that
a layout does not have at all, so they are decided once a source, not once a series.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.labels import METRIC_NAME, Labels
from model.matchers import Matcher, MatchOperator
from storage.api.samples import Source
from storage.samples.catalog.layouts import Columns, MetricNames, StoredLayout

# Label values change with the series: those that went need no answer.
_KNOWN_VERDICTS = 10_000

Places = slice | NDArray[np.intp]
"""Indices of an axis; a slice where they follow each other, which numpy copies faster."""


def as_slice(indices: NDArray[np.intp]) -> Places:
    """Return ascending indices as a slice where they are one."""
    if len(indices) and int(indices[-1]) - int(indices[0]) == len(indices) - 1:
        return slice(int(indices[0]), int(indices[-1]) + 1)
    return indices


@dataclass(frozen=True, slots=True, eq=False)
class PiecePart:
    """What a selection wants of one metric's pieces.

    Attributes:
        code: the metric.
        width: how many series the piece of this layout has.
        rows: which of them are wanted, None for all.
        places: where they stand among the match's columns.
    """

    code: int
    width: int
    rows: Places | None
    places: NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """The columns of one source's layout that a selector means, at least one.

    Attributes:
        layout: what the columns are of.
        columns: ascending.
        labels: their label sets, the source's labels included.
        parts: the columns, metric by metric.
    """

    layout: StoredLayout
    columns: Columns
    labels: tuple[Labels, ...]
    parts: tuple[PiecePart, ...]


class Selector:
    """Matchers, prepared to be asked about many layouts."""

    def __init__(self, matchers: Sequence[Matcher], metrics: MetricNames) -> None:
        self._metrics = metrics
        self._by_name = [matcher for matcher in matchers if matcher.name == METRIC_NAME]
        self._by_label = [matcher for matcher in matchers if matcher.name != METRIC_NAME]
        self._verdicts: dict[tuple[int, str], bool] = {}
        self._wanted = np.zeros(0, np.bool_)

    @property
    def label_names(self) -> frozenset[str]:
        """The labels that it looks at, the metric name left out."""
        return frozenset(matcher.name for matcher in self._by_label)

    def admits(self, source: Source) -> bool:
        """Whether a source's own labels match, where no series has one of `label_names`."""
        return all(
            self._verdict(number, source.labels.get(matcher.name))
            for number, matcher in enumerate(self._by_label)
        )

    def match(
        self, source: Source, layout: StoredLayout, shared: dict[Labels, Labels] | None = None
    ) -> Match | None:
        """Return what the selector means of a source's layout, None for nothing.

        Of label sets that equal one of `shared` that one is used; the others are added.
        """
        per_series = []
        for number, matcher in enumerate(self._by_label):
            if matcher.name in layout.label_names:
                per_series.append((number, matcher.name, source.labels.get(matcher.name)))
            elif not self._verdict(number, source.labels.get(matcher.name)):
                return None
        columns = self._columns(layout)
        for number, name, otherwise in per_series:
            series = layout.series
            columns = columns[
                [
                    self._verdict(number, series[column].get(name) or otherwise)
                    for column in columns.tolist()
                ]
            ]
        if len(columns) == 0:
            return None
        labels = _overlay(source.labels, layout, columns)
        first = {one: place for place, one in reversed(list(enumerate(labels)))}
        if len(first) < len(labels):
            # Two series that differ only in what the source lays under them: the first
            # stands for both.
            kept = np.array(sorted(first.values()), np.intp)
            columns, labels = columns[kept], tuple(labels[place] for place in kept.tolist())
        if shared is not None:
            labels = tuple(shared.setdefault(one, one) for one in labels)
        return Match(layout, columns, labels, _parts(layout, columns))

    def forget_verdicts(self) -> None:
        """Forget about values once many have been met: most are of series that went."""
        if len(self._verdicts) > _KNOWN_VERDICTS:
            self._verdicts.clear()

    def _verdict(self, number: int, value: str) -> bool:
        key = (number, value)
        known = self._verdicts.get(key)
        if known is None:
            known = self._verdicts[key] = self._by_label[number].matches(value)
        return known

    def _columns(self, layout: StoredLayout) -> Columns:
        if len(self._by_name) == 1 and self._by_name[0].operator is MatchOperator.EQUAL:
            code = self._metrics.find(self._by_name[0].value)
            return layout.columns_of(-1 if code is None else code)
        if not self._by_name:
            return np.arange(len(layout.series))
        return np.flatnonzero(self._wanted_codes()[layout.codes])

    def _wanted_codes(self) -> NDArray[np.bool_]:
        """Return for each metric's code whether its name matches."""
        if len(self._wanted) < len(self._metrics):
            names = (name for _, name in self._metrics)
            self._wanted = np.array(
                [all(matcher.matches(name) for matcher in self._by_name) for name in names]
            )
        return self._wanted


def _parts(layout: StoredLayout, columns: Columns) -> tuple[PiecePart, ...]:
    codes = layout.codes[columns]
    parts = []
    for code in np.unique(codes).tolist():
        places = np.flatnonzero(codes == code)
        piece = layout.columns_of(code)
        wanted = columns[places]
        rows = None
        if len(wanted) < len(piece):
            rows = as_slice(np.searchsorted(piece, wanted))
        parts.append(PiecePart(code, len(piece), rows, places))
    return tuple(parts)


def _overlay(lower: Labels, layout: StoredLayout, columns: Columns) -> tuple[Labels, ...]:
    series = layout.series
    chosen = [series[column] for column in columns.tolist()]
    if any(name in layout.label_names for name, _ in lower):
        return tuple(lower.overlaid(upper) for upper in chosen)
    # No name in common: sorting the pairs is all there is to do, half the time.
    return tuple(Labels(sorted(lower + upper)) for upper in chosen)
