"""Selections: what a selector means of each source, remembered from read to read.

Dashboards and rules ask the same questions again and again, while sources and layouts
change rarely: matching and putting labels together is done once.
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
from storage.samples.catalog.catalog import Sources
from storage.samples.catalog.layouts import MetricNames, StoredLayout
from storage.samples.reading.matching import Match, PiecePart, Places, Selector, as_slice

if TYPE_CHECKING:
    from storage.samples.reading.recent_plan import RecentPlan

# A label set of an answer takes some 100 bytes; what it refers to is held elsewhere.
_CACHED_LABEL_SETS = 200_000
_MOST_LABEL_SETS = 50_000
# One that has to be forgotten for every new source is not worth remembering.
_CACHED_MATCHES = 100_000

# A source whose series come and go has other layouts in a range each minute: what was
# meant by those of the minute before is not asked for again. More than one, because
# rules and dashboards ask for different ranges.
_ANSWERS_A_SOURCE = 3


@dataclass(frozen=True, slots=True, eq=False)
class PlacedMatch:
    """A match, and where its series stand in the selection.

    Attributes:
        rows: of the selection, one for each column of the match.
        parts: for each metric what is wanted of its pieces, and the rows it goes to.
        is_all: whether every row of the selection is among them.
    """

    match: Match
    rows: Places
    parts: tuple[tuple[PiecePart, Places], ...]
    is_all: bool

    @classmethod
    def of(cls, match: Match, rows: NDArray[np.intp], height: int) -> "PlacedMatch":
        """Place a match's series in a selection of so many rows."""
        parts = tuple((part, _as_places(rows[part.places])) for part in match.parts)
        return cls(match, _as_places(rows), parts, len(rows) == height)


def _as_places(rows: NDArray[np.intp]) -> Places:
    # Several layouts may place rows in any order; only ascending ones make a slice.
    return as_slice(rows) if (np.diff(rows) > 0).all() else rows


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    """What a selector means of one source's layouts.

    Attributes:
        source: whose.
        labels: its series' label sets, each once.
        matches: by layout number, what is meant of it.
    """

    source: Source
    labels: tuple[Labels, ...]
    matches: dict[int, PlacedMatch]


Key = tuple[int, ...]
"""What an answer is for: a source's number, then its layouts'."""


class CachedSelector:
    """A selector with its answers so far; any thread.

    Attributes:
        was_asked: since `age` was last called.
        label_sets: how many it holds, about.
        plan: how the recent window answers it.
    """

    def __init__(self, matchers: Sequence[Matcher], metrics: MetricNames) -> None:
        self.matchers = tuple(matchers)
        self._selector = Selector(matchers, metrics)
        # What was asked for since the last `age`, and before that.
        self._known: dict[Key, Selected | None] = {}
        self._aged: dict[Key, Selected | None] = {}
        # The answers of each source, oldest first.
        self._keys: dict[int, tuple[Key, ...]] = {}
        self._lock = threading.Lock()
        self._label_names = self._selector.label_names
        self._admitted: tuple[int, frozenset[int]] = (0, frozenset())
        self.was_asked = True
        self.label_sets = 0
        self.plan: RecentPlan | None = None

    def age(self) -> bool:
        """Forget the answers not used since the last call but one.

        Layouts come and go: each answer would keep one alive that nobody has any more.

        Returns:
            Whether the selector itself was asked for since the last call.
        """
        was_asked, self.was_asked = self.was_asked, False
        with self._lock:
            self._aged, self._known = self._known, {}
            self._keys = {}
            for key in list(self._aged):
                self._keys[key[0]] = (*self._keys.get(key[0], ()), key)
            self.label_sets = sum(map(_label_sets, list(self._aged.values())))
        self._selector.forget_verdicts()
        return was_asked

    @property
    def matches(self) -> int:
        """How many matches its answers hold, each once."""
        answers = {**self._aged, **self._known}.values()
        placed = (one for answer in answers if answer for one in answer.matches.values())
        return len({id(one.match) for one in placed})

    def admitted(self, sources: Sources) -> frozenset[int] | None:
        """Return the sources that may be meant by their own labels; None for all.

        A source with a layout that `concerns` may be meant as well.
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
        """Whether series of a layout have a label that the selector looks at."""
        return not self._label_names.isdisjoint(layout.label_names)

    def select(
        self,
        source: Source,
        layouts: Sequence[StoredLayout],
        budget: ReadBudget | None = None,
    ) -> Selected | None:
        """Return what is meant of a source that used some layouts, None for nothing."""
        key = (source.id, *(layout.id for layout in layouts))
        try:
            return self._known[key]
        except KeyError:
            pass
        try:
            selected = self._known[key] = self._aged[key]
        except KeyError:
            if budget is not None:
                budget.expect_wait()
            with self._lock:
                return self._answer(key, source, layouts)
        return selected

    def _answer(self, key: Key, source: Source, layouts: Sequence[StoredLayout]) -> Selected | None:
        """Find an answer and remember it in place of the source's oldest."""
        if key in self._known:
            # Another thread was here first.
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
        self, source: Source, layouts: Sequence[StoredLayout], known: Sequence[Selected]
    ) -> Selected | None:
        """Match some layouts, with what `known` answers have in common with the new one."""
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
        rows: dict[Labels, int] = {}
        places = [
            np.array([rows.setdefault(one, len(rows)) for one in match.labels], np.intp)
            for match in matches
        ]
        placed = {
            match.layout.id: PlacedMatch.of(match, some, len(rows))
            for match, some in zip(matches, places, strict=True)
        }
        return Selected(source, tuple(rows), placed)


def _label_sets(selected: Selected | None) -> int:
    """Return how many label sets an answer's matches refer to."""
    if selected is None:
        return 0
    return sum(len(one.match.labels) for one in selected.matches.values())


class SelectorCache:
    """Keeps the selectors that were used last."""

    def __init__(self, metrics: MetricNames) -> None:
        self._metrics = metrics
        self._selectors: OrderedDict[tuple[Matcher, ...], CachedSelector] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, matchers: Sequence[Matcher]) -> CachedSelector:
        """Return the selector of these matchers with what it knows."""
        key = tuple(matchers)
        with self._lock:
            known = self._selectors.get(key)
            if known is not None:
                self._selectors.move_to_end(key)
                known.was_asked = True
                return known
            self._make_room()
            known = self._selectors[key] = CachedSelector(key, self._metrics)
        return known

    def age(self) -> None:
        """Forget selectors and answers that nobody has asked for lately."""
        with self._lock:
            for key, one in list(self._selectors.items()):
                if not one.age():
                    del self._selectors[key]

    def _make_room(self) -> None:
        for key, one in list(self._selectors.items()):
            # Whoever asks for everything shall not drive out what dashboards ask for.
            if one.label_sets > _MOST_LABEL_SETS:
                del self._selectors[key]
        total = sum(one.label_sets + 1 for one in self._selectors.values())
        while total > _CACHED_LABEL_SETS:
            _, oldest = self._selectors.popitem(last=False)
            total -= oldest.label_sets + 1
