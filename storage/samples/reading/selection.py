"""Selections: the series of each source that a selector matches, cached between reads.

Dashboards and rules repeat the same selectors, while sources and layouts rarely change:
matching and building label sets is done once.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.matchers import Matcher
from storage.api.samples import ReadBudget, Source
from storage.samples.catalog.layouts import StoredLayout
from storage.samples.catalog.metric_names import MetricNames
from storage.samples.catalog.sources import Sources
from storage.samples.reading.matching import Match, PiecePart, Places, Selector, as_slice

if TYPE_CHECKING:
    from storage.samples.reading.recent_plan import RecentPlan

# A cached label set takes about 100 bytes besides the strings, which are shared.
_CACHED_LABEL_SETS = 200_000
# A selector with more label sets than this is the first to be evicted.
_MOST_LABEL_SETS = 50_000
# A selector drops all its answers when it has this many.
_CACHED_MATCHES = 100_000

# The answers that are kept for one source. A source with short-lived series has other
# layouts in the range each minute, so its older answers are not needed again. More than
# one, because rules and dashboards use different ranges.
_ANSWERS_A_SOURCE = 3


@dataclass(frozen=True, slots=True, eq=False)
class PlacedMatch:
    """A match, and the rows of its series in the selection of its source.

    Attributes:
        rows: the row of each column of the match.
        parts: for each metric the selected rows of its pieces, and the rows they go to.
        is_all: whether the match fills every row of the selection.
    """

    match: Match
    rows: Places
    parts: tuple[tuple[PiecePart, Places], ...]
    is_all: bool

    @classmethod
    def of(cls, match: Match, rows: NDArray[np.intp], height: int) -> "PlacedMatch":
        """Place the series of a match in a selection of `height` rows."""
        parts = tuple((part, _as_places(rows[part.places])) for part, _ in match.matched.parts)
        return cls(match, _as_places(rows), parts, len(rows) == height)

    @classmethod
    def alone(cls, match: Match) -> "PlacedMatch":
        """Place the series of a match in a selection that has no others."""
        return cls(match, slice(0, len(match.labels)), match.matched.parts, is_all=True)


def _as_places(rows: NDArray[np.intp]) -> Places:
    # With several layouts the rows may be in any order; only ascending ones make a slice.
    return as_slice(rows) if (np.diff(rows) > 0).all() else rows


@dataclass(frozen=True, slots=True, eq=False)
class SelectedSource:
    """The series of one source that a selector matches.

    Attributes:
        source: the source.
        labels: the label sets of its series, each once.
        matches: the match in each layout, by layout number.
    """

    source: Source
    labels: tuple[Labels, ...]
    matches: dict[int, PlacedMatch]


Key = tuple[int, ...]
"""The key of an answer: the source's number, then the layouts' numbers."""


class CachedSelector:
    """A selector with its cached answers; any thread.

    Attributes:
        was_used: whether it was used since `age` was last called.
        label_sets: how many label sets it holds, approximately.
        plan: its plan for the recent window.
    """

    def __init__(self, matchers: Sequence[Matcher], metrics: MetricNames) -> None:
        self.matchers = tuple(matchers)
        self._selector = Selector(matchers, metrics)
        # The answers used since the last `age`, and those used before that.
        self._known: dict[Key, SelectedSource | None] = {}
        self._aged: dict[Key, SelectedSource | None] = {}
        # The answers of each source, oldest first.
        self._keys: dict[int, tuple[Key, ...]] = {}
        self._lock = threading.Lock()
        self._label_names = self._selector.label_names
        self._admitted: tuple[int, frozenset[int]] = (0, frozenset())
        self.was_used = True
        self.label_sets = 0
        self.plan: RecentPlan | None = None

    def age(self) -> bool:
        """Drop the answers not used since the last call but one.

        An answer keeps its layouts in memory, even if no source uses them any more.

        Returns:
            Whether the selector was used since the last call.
        """
        was_used, self.was_used = self.was_used, False
        with self._lock:
            self._aged, self._known = self._known, {}
            self._keys = {}
            for key in list(self._aged):
                self._keys[key[0]] = (*self._keys.get(key[0], ()), key)
            self.label_sets = sum(map(_label_sets, list(self._aged.values())))
        self._selector.forget_verdicts()
        return was_used

    @property
    def matches(self) -> int:
        """The number of distinct matches in its answers."""
        answers = {**self._aged, **self._known}.values()
        placed = (one for answer in answers if answer for one in answer.matches.values())
        return len({id(one.match) for one in placed})

    def admitted(self, sources: Sources) -> frozenset[int] | None:
        """Return the sources whose own labels match; None for all sources.

        A source with a layout that the selector `concerns` may match as well.
        """
        if not self._label_names:
            return None
        count, admitted = self._admitted
        if count != len(sources):
            known = list(sources)
            admitted = frozenset(one.id for one in known if self._selector.admits(one))
            self._admitted = len(known), admitted
        return admitted

    def concerns(self, layout: StoredLayout) -> bool:
        """Whether series of a layout have a label that a matcher is about."""
        return not self._label_names.isdisjoint(layout.label_names)

    def select(
        self,
        source: Source,
        layouts: Sequence[StoredLayout],
        budget: ReadBudget | None = None,
    ) -> SelectedSource | None:
        """Return the matching series of a source in some layouts, None if there are none."""
        key = (source.id, *(layout.id for layout in layouts))
        try:
            return self._known[key]
        except KeyError:
            pass
        try:
            selected = self._known[key] = self._aged[key]
        except KeyError:
            if budget is not None:
                budget.check()
            with self._lock:
                return self._answer(key, source, layouts)
        return selected

    def _answer(
        self, key: Key, source: Source, layouts: Sequence[StoredLayout]
    ) -> SelectedSource | None:
        """Find an answer and cache it in place of the source's oldest one."""
        if key in self._known:
            # Another thread has found it meanwhile.
            return self._known[key]
        if len(self._known) >= _CACHED_MATCHES:
            self._known, self._aged, self._keys = {}, {}, {}
            self.label_sets = 0
        keys = self._keys.get(source.id, ())
        known = [self._known.get(one) or self._aged.get(one) for one in keys]
        selected = self._select(source, layouts, [one for one in known if one is not None])
        for one in keys[: len(keys) + 1 - _ANSWERS_A_SOURCE]:
            aged, current = self._aged.pop(one, None), self._known.pop(one, None)
            self.label_sets -= _label_sets(current or aged)
        self._keys[source.id] = (*keys[1 - _ANSWERS_A_SOURCE :], key)
        self._known[key] = selected
        self.label_sets += _label_sets(selected)
        return selected

    def _select(
        self, source: Source, layouts: Sequence[StoredLayout], known: Sequence[SelectedSource]
    ) -> SelectedSource | None:
        """Match some layouts, reusing matches and label sets of the `known` answers."""
        matched = {number: one.match for answer in known for number, one in answer.matches.items()}
        shared = {one: one for answer in known for one in answer.labels}
        matches = []
        for layout in layouts:
            match = matched.get(layout.id)
            if match is None:
                match = self._selector.match(source, layout, shared)
            if match is not None:
                matches.append(match)
        if not matches:
            return None
        if len(matches) == 1:
            (match,) = matches
            alone = PlacedMatch.alone(match)
            return SelectedSource(source, match.labels, {match.layout.id: alone})
        rows: dict[Labels, int] = {}
        places = [
            np.array([rows.setdefault(one, len(rows)) for one in match.labels], np.intp)
            for match in matches
        ]
        placed = {
            match.layout.id: PlacedMatch.of(match, some, len(rows))
            for match, some in zip(matches, places, strict=True)
        }
        return SelectedSource(source, tuple(rows), placed)


def _label_sets(selected: SelectedSource | None) -> int:
    """Return how many label sets the matches of an answer refer to."""
    if selected is None:
        return 0
    return sum(len(one.match.labels) for one in selected.matches.values())


class SelectorCache:
    """Keeps the most recently used selectors with their answers."""

    def __init__(self, metrics: MetricNames) -> None:
        self._metrics = metrics
        self._selectors: OrderedDict[tuple[Matcher, ...], CachedSelector] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, matchers: Sequence[Matcher]) -> CachedSelector:
        """Return the selector of these matchers with its cached answers."""
        key = tuple(matchers)
        with self._lock:
            known = self._selectors.get(key)
            if known is not None:
                self._selectors.move_to_end(key)
                known.was_used = True
                return known
            self._make_room()
            known = self._selectors[key] = CachedSelector(key, self._metrics)
        return known

    def age(self) -> None:
        """Drop selectors and answers that were not used lately."""
        with self._lock:
            for key, one in list(self._selectors.items()):
                if not one.age():
                    del self._selectors[key]

    def _make_room(self) -> None:
        for key, one in list(self._selectors.items()):
            # A selector of everything must not evict the selectors of dashboards.
            if one.label_sets > _MOST_LABEL_SETS:
                del self._selectors[key]
        total = sum(one.label_sets + 1 for one in self._selectors.values())
        while total > _CACHED_LABEL_SETS:
            _, oldest = self._selectors.popitem(last=False)
            total -= oldest.label_sets + 1
