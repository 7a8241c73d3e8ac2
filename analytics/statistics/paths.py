"""Paths: the events that follow an event, or lead to one, as a tree of counts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from storage.api.activity import Trails

ENDED: Final = -1
"""Stands in a path for all places after its last event."""
_MOST_NUMBERS: Final = 2**63


@dataclass(frozen=True, slots=True)
class PathRules:
    """How events become paths.

    Attributes:
        length: the number of events of a path, at least 2; the last one only shows whether
            a path goes on.
        gap_ms: a longer time between two events of a person begins a new session, and each
            session is one path. None for one path of each person.
        window_ms: the longest time between the anchor and any other event; None for any.
        has_anchor: whether a path needs an event that satisfies step 0. Its first one is the
            anchor. Without, it is the first event, or the last one of a path that leads to
            an event.
        is_backward: whether paths lead to the anchor; their first place is the anchor too.
        joins_repeats: whether an event that has the name of the one before is left out.
    """

    length: int
    gap_ms: int | None
    window_ms: int | None
    has_anchor: bool
    is_backward: bool
    joins_repeats: bool


@dataclass(frozen=True, slots=True)
class CountedPaths:
    """Different paths and how often each was taken.

    Attributes:
        names: int64, shape (N, length), indexes of names, `ENDED` after the last event.
        counts: int64, shape (N,).
    """

    names: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, names: NDArray[np.int64], counts: NDArray[np.int64]) -> "CountedPaths":
        """Return each path once."""
        if not len(names):
            return cls(names, counts)
        packed, base = _packed(names)
        if packed is not None and (counts == 1).all():
            # Sorting the paths alone takes a tenth of the time of sorting their positions.
            unique, totals = np.unique(packed, return_counts=True)
            return cls(_unpacked(unique, base, names.shape[1]), totals)
        if packed is None:
            # Column by column, the paths so far get numbers: whole numbers sort fast.
            _, packed = np.unique(names[:, 0], return_inverse=True)
            for column in names.T[1:]:
                _, packed = np.unique(packed * base + (column + 1), return_inverse=True)
        _, first, numbers = np.unique(packed, return_index=True, return_inverse=True)
        totals = np.bincount(numbers, weights=counts).astype(np.int64)
        return cls(names[first], totals)


def _packed(names: NDArray[np.int64]) -> tuple[NDArray[np.int64] | None, int]:
    """Return each path as one number, None if it needs more than 63 bits, and the base."""
    base = int(names.max()) + 2
    if base ** names.shape[1] > _MOST_NUMBERS:
        return None, base
    packed = names[:, 0] + 1
    for column in names.T[1:]:
        packed = packed * base + (column + 1)
    return packed, base


def _unpacked(packed: NDArray[np.int64], base: int, length: int) -> NDArray[np.int64]:
    names = np.empty((len(packed), length), np.int64)
    for place in reversed(range(length)):
        packed, column = np.divmod(packed, base)
        names[:, place] = column - 1
    return names


@dataclass(slots=True)
class PathNode:
    """An event of paths that share all events before it.

    `count == ended + other + sum(child.count for child in children)`.

    Attributes:
        name: the index of the event's name; `ENDED` for the root, before all paths.
        count: the number of paths that come here.
        ended: those that end here.
        other: those that go on to an event that is no child.
        other_names: the number of different events they go on to.
        children: the most frequent events that follow, the largest first.
    """

    name: int
    count: int
    ended: int = 0
    other: int = 0
    other_names: int = 0
    children: "list[PathNode]" = field(default_factory=list)


def paths_of(events: Trails, rules: PathRules) -> CountedPaths:
    """Return the paths of some persons."""
    size = len(events.persons)
    if not size:
        return CountedPaths(np.empty((0, rules.length), np.int64), np.empty(0, np.int64))
    is_first = np.ones(size, np.bool_)
    is_first[1:] = events.persons[1:] != events.persons[:-1]
    if rules.gap_ms is not None:
        is_first[1:] |= np.diff(events.times_ms) > rules.gap_ms
    begins = np.flatnonzero(is_first)
    ends = np.append(begins[1:], size)
    anchors = _anchors(events, rules, begins, ends)
    visits = np.searchsorted(begins, anchors, side="right") - 1
    names = np.full((len(anchors), rules.length), ENDED)
    names[:, 0] = events.names[anchors]
    kept = np.flatnonzero(_kept(events, rules, is_first))
    side: Literal["left", "right"] = "left" if rules.is_backward else "right"
    nearest = np.searchsorted(kept, anchors, side=side)
    for place in range(1, rules.length):
        at = nearest - place if rules.is_backward else nearest + place - 1
        is_inside = (at >= 0) & (at < len(kept))
        found = kept[np.where(is_inside, at, 0)]
        is_inside &= (found >= begins[visits]) & (found < ends[visits])
        if rules.window_ms is not None:
            distance = np.abs(events.times_ms[found] - events.times_ms[anchors])
            is_inside &= distance <= rules.window_ms
        names[is_inside, place] = events.names[found[is_inside]]
    return CountedPaths.of(names, np.ones(len(names), np.int64))


def _anchors(
    events: Trails, rules: PathRules, begins: NDArray[np.intp], ends: NDArray[np.intp]
) -> NDArray[np.intp]:
    if not rules.has_anchor:
        return ends - 1 if rules.is_backward else begins
    found = np.flatnonzero(events.steps & np.uint64(1))
    visits = np.searchsorted(begins, found, side="right") - 1
    is_new = np.ones(len(found), np.bool_)
    is_new[1:] = visits[1:] != visits[:-1]
    return found[is_new]


def _kept(events: Trails, rules: PathRules, is_first: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which events stand for themselves; the anchor always stands for its repeats.

    Of a run of equal names, the event that comes first on the way from the anchor is kept.
    """
    kept = np.ones(len(is_first), np.bool_)
    if rules.joins_repeats:
        repeats = (events.names[1:] == events.names[:-1]) & ~is_first[1:]
        if rules.is_backward:
            kept[:-1] = ~repeats
        else:
            kept[1:] = ~repeats
    return kept


def tree_of(
    paths: CountedPaths, labels: Sequence[str], *, branches: int, most_nodes: int
) -> PathNode:
    """Return the paths as a tree.

    The largest nodes get their children first. When the tree is full, all paths that go on
    from the other nodes are `other`.

    Args:
        paths: the paths; the last event of each only shows that it goes on.
        labels: the names, which order children of the same size.
        branches: the most children of a node.
        most_nodes: the most nodes.
    """
    root = PathNode(ENDED, int(paths.counts.sum()))
    order = count()
    waiting = [(-root.count, next(order), root, 0, np.arange(len(paths.counts)))]
    nodes = 1
    while waiting:
        _, _, node, place, rows = heappop(waiting)
        column, counts = paths.names[rows, place], paths.counts[rows]
        totals = np.bincount(column + 1, weights=counts, minlength=1).astype(np.int64)
        node.ended = int(totals[0])
        following = np.flatnonzero(totals[1:])
        has_room = place + 1 < paths.names.shape[1] and nodes < most_nodes
        ranked = sorted(following.tolist(), key=lambda name: (-totals[name + 1], labels[name]))
        chosen = ranked[: min(branches, most_nodes - nodes)] if has_room else []
        for name in chosen:
            child = PathNode(name, int(totals[name + 1]))
            node.children.append(child)
            heappush(waiting, (-child.count, next(order), child, place + 1, rows[column == name]))
        nodes += len(chosen)
        node.other_names = len(ranked) - len(chosen)
        node.other = node.count - node.ended - sum(child.count for child in node.children)
    return root
