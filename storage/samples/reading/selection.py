"""Selections: the series of each source that a selector matches, cached between reads.

Dashboards and rules repeat the same selectors, while sources and layouts rarely change:
matching and building label sets is done once.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.matchers import Matcher
from storage.api.samples import ReadBudget, Source
from storage.samples.catalog.layouts import Columns, StoredLayout
from storage.samples.catalog.metric_names import MetricNames
from storage.samples.catalog.sources import Sources
from storage.samples.reading.matching import Match, PiecePart, Places, Selector, as_slice

if TYPE_CHECKING:
    from storage.samples.reading.recent_plan import RecentPlan

# A cached label set takes about 100 bytes besides the strings, which are shared.
_CACHED_LABEL_SETS = 200_000
# A selector with more label sets than this is the first to be evicted.
_MOST_LABEL_SETS = 50_000
# A selector drops all its answers when it has those of this many sources.
_CACHED_SOURCES = 100_000

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

    @property
    def columns_by_row(self) -> Columns:
        """The column of each row; only for a match that fills every row."""
        columns = self.match.columns
        if isinstance(self.rows, slice):
            return columns
        ordered = np.empty_like(columns)
        ordered[self.rows] = columns
        return ordered

    @classmethod
    def alone(cls, match: Match) -> "PlacedMatch":
        """Place the series of a match in a selection that has no others."""
        return cls(match, _first(len(match.labels)), match.matched.parts, is_all=True)


@lru_cache(maxsize=1024)
def _first(count: int) -> slice:
    # Shared, because a fleet has the same few counts again and again.
    return slice(0, count)


def _as_places(rows: NDArray[np.intp]) -> Places:
    # With several layouts the rows may be in any order; only ascending ones make a slice.
    return as_slice(rows) if (np.diff(rows) > 0).all() else rows


@dataclass(frozen=True, slots=True, eq=False)
class SelectedSource:
    """The series of one source that a selector matches.

    Attributes:
        source: the source.
        layouts: the numbers of the layouts that were searched.
        labels: the label sets of its series, each once.
        matches: the match in each layout that has any.
    """

    source: Source
    layouts: tuple[int, ...]
    labels: tuple[Labels, ...]
    matches: tuple[PlacedMatch, ...]


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
        # By source, oldest first: the answers used since the last `age`, and those before.
        self._known: dict[int, tuple[SelectedSource, ...]] = {}
        self._aged: dict[int, tuple[SelectedSource, ...]] = {}
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
            self.label_sets = _label_sets(chain.from_iterable(self._aged.values()))
        self._selector.forget_verdicts()
        return was_used

    @property
    def matches(self) -> int:
        """The number of distinct matches in its answers."""
        answers = chain.from_iterable((*self._aged.values(), *self._known.values()))
        return len({id(one.match) for answer in answers for one in answer.matches})

    def admitted(self, sources: Sources) -> frozenset[int] | None:
        """Return the sources whose own labels match; None for all sources.

        A source whose series have a label that a matcher is about may match as well; see
        `may_select`.
        """
        if not self._label_names:
            return None
        count, admitted = self._admitted
        if count != len(sources):
            known = list(sources)
            admitted = frozenset(one.id for one in known if self._selector.admits(one))
            self._admitted = len(known), admitted
        return admitted

    def has_metric(self, layout: StoredLayout) -> bool:
        """Whether a layout has series whose metric name matches."""
        return self._selector.has_metric(layout)

    def may_select(
        self, source: int, admitted: Collection[int] | None, layout: StoredLayout
    ) -> bool:
        """Whether a source may have matching series in a layout, by its labels.

        Args:
            source: the number of the source.
            admitted: what `admitted` returned.
            layout: whose series may have labels that a matcher is about.
        """
        return (
            admitted is None
            or source in admitted
            or not self._label_names.isdisjoint(layout.label_names)
        )

    def select(
        self,
        source: Source,
        layouts: Sequence[StoredLayout],
        budget: ReadBudget | None = None,
    ) -> SelectedSource | None:
        """Return the matching series of a source in some layouts, None if there are none."""
        numbers = tuple([layout.id for layout in layouts])
        answer = _answer_for(numbers, self._known.get(source.id, ()))
        if answer is None:
            if budget is not None:
                budget.check()
            with self._lock:
                answer = self._answer(source, numbers, layouts)
        return answer if answer.matches else None

    def _answer(
        self, source: Source, numbers: tuple[int, ...], layouts: Sequence[StoredLayout]
    ) -> SelectedSource:
        """Find an answer, or the aged one, and cache it in place of the source's oldest one."""
        known, aged = self._known.get(source.id, ()), self._aged.get(source.id, ())
        answer = _answer_for(numbers, known)
        if answer is not None:
            # Another thread has found it meanwhile.
            return answer
        answer = _answer_for(numbers, aged)
        if answer is None:
            if len(self._known) >= _CACHED_SOURCES:
                self._known, self._aged = {}, {}
                self.label_sets = 0
            answer = self._select(source, numbers, layouts, aged + known)
            self.label_sets += _label_sets([answer])
        aged = tuple([one for one in aged if one is not answer])
        known = (*known, answer)
        for one in (aged + known)[:-_ANSWERS_A_SOURCE]:
            self.label_sets -= _label_sets([one])
        kept = _ANSWERS_A_SOURCE - len(known)
        self._aged[source.id] = aged[-kept:] if kept > 0 else ()
        self._known[source.id] = known[-_ANSWERS_A_SOURCE:]
        return answer

    def _select(
        self,
        source: Source,
        numbers: tuple[int, ...],
        layouts: Sequence[StoredLayout],
        known: Sequence[SelectedSource],
    ) -> SelectedSource:
        """Match some layouts, reusing matches and label sets of the `known` answers."""
        placed = (one.match for answer in known for one in answer.matches)
        matched = {match.layout.id: match for match in placed}
        shared = {one: one for answer in known for one in answer.labels}
        matches = []
        for layout in layouts:
            match = matched.get(layout.id)
            if match is None:
                match = self._selector.match(source, layout, shared)
            if match is not None:
                matches.append(match)
        if not matches:
            return SelectedSource(source, numbers, (), ())
        if len(matches) == 1:
            (match,) = matches
            return SelectedSource(source, numbers, match.labels, (PlacedMatch.alone(match),))
        rows: dict[Labels, int] = {}
        places = [
            np.array([rows.setdefault(one, len(rows)) for one in match.labels], np.intp)
            for match in matches
        ]
        found = [
            PlacedMatch.of(match, some, len(rows))
            for match, some in zip(matches, places, strict=True)
        ]
        return SelectedSource(source, numbers, tuple(rows), tuple(found))


def _answer_for(
    layouts: tuple[int, ...], answers: Sequence[SelectedSource]
) -> SelectedSource | None:
    return next((one for one in answers if one.layouts == layouts), None)


def _label_sets(answers: Iterable[SelectedSource]) -> int:
    """Return how many label sets the matches of some answers refer to."""
    return sum(len(one.match.labels) for answer in answers for one in answer.matches)


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
