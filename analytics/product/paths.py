"""Paths: where persons go after an event, or come from before one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from analytics.errors import ReportError
from analytics.statistics.paths import CountedPaths, PathNode, PathRules, paths_of, tree_of
from storage.api.activity import ActivityReader
from storage.api.events import EventSelection, EventStep

MOST_DEPTH: Final = 20
MOST_BRANCHES: Final = 50
MOST_NODES: Final = 2_000
DEFAULT_GAP_MS: Final = 30 * 60_000


class PathUnit(StrEnum):
    """The unit that takes a path and is counted."""

    SESSIONS = "sessions"
    """Each stretch of a person's events without a long gap."""
    PERSONS = "persons"
    """Each person, once: from the first start event of the range on."""


@dataclass(frozen=True, slots=True)
class PathQuestion:
    """A question about paths; at most one of `start` and `end` is given.

    Attributes:
        start: paths begin with the first such event of a session or person; None for the
            first event of any name.
        end: paths lead to the first such event.
        depth: the number of events of a path, start or end included.
        branches: the most events that are shown after each one; the rest is `other`.
        unit: what is counted.
        gap_ms: a longer time without an event ends a session.
        window_ms: the longest time from the start, or to the end; None for any.
        joins_repeats: whether repeats of an event one after the other count as one.
    """

    start: EventStep | None = None
    end: EventStep | None = None
    depth: int = 5
    branches: int = 5
    unit: PathUnit = PathUnit.SESSIONS
    gap_ms: int = DEFAULT_GAP_MS
    window_ms: int | None = None
    joins_repeats: bool = True


@dataclass(frozen=True, slots=True)
class PathStep:
    """An event on paths that have all events before it in common.

    `count == ended + other + sum(step.count for step in following)`. On paths to an end
    event, what follows here came before, and "ended" means that the path began here.

    Attributes:
        name: the name of the event.
        count: the paths that come here.
        ended: those that end here.
        other: those that go on to an event that is not among the following.
        other_names: the number of different events they go on to.
        following: the most frequent events that follow, the largest first.
    """

    name: str
    count: int
    ended: int
    other: int
    other_names: int
    following: "Sequence[PathStep]"


@dataclass(frozen=True, slots=True)
class PathReport:
    """The answer.

    Attributes:
        unit: what is counted.
        total: all paths; `total == other + sum(step.count for step in first)`.
        other: those whose first event is not among `first`.
        other_names: the number of different events with which they begin.
        first: the events with which paths begin, or to which they lead.
    """

    unit: PathUnit
    total: int
    other: int
    other_names: int
    first: Sequence[PathStep]


class PathReports:
    """Answers questions about paths."""

    def __init__(self, activity: ActivityReader) -> None:
        self._activity = activity

    async def report(self, selection: EventSelection, question: PathQuestion) -> PathReport:
        """Return the paths of the selected events.

        Raises:
            ReportError: the question is invalid; its field is named.
        """
        _check(question)
        anchor = question.start or question.end
        is_by_session = question.unit is PathUnit.SESSIONS
        rules = PathRules(
            question.depth + 1,
            question.gap_ms if is_by_session else None,
            question.window_ms,
            anchor is not None,
            question.end is not None,
            question.joins_repeats,
        )
        steps = () if anchor is None else (anchor,)
        found: list[CountedPaths] = []
        labels: Sequence[str] = ()
        async for block in self._activity.trails(selection, steps, all_events=True):
            found.append(await asyncio.to_thread(paths_of, block, rules))
            labels = block.labels
        root = await asyncio.to_thread(_tree, found, labels, question.branches)
        first = [_step(node, labels) for node in root.children]
        return PathReport(question.unit, root.count, root.other, root.other_names, first)


def _tree(found: Sequence[CountedPaths], labels: Sequence[str], branches: int) -> PathNode:
    merged = CountedPaths.of(
        np.concatenate([paths.names for paths in found]),
        np.concatenate([paths.counts for paths in found]),
    )
    return tree_of(merged, labels, branches=branches, most_nodes=MOST_NODES)


def _check(question: PathQuestion) -> None:
    """Raise an error for a question that has no answer."""
    if question.start is not None and question.end is not None:
        raise ReportError("give a start or an end, not both", "end")
    if not 1 <= question.depth <= MOST_DEPTH:
        raise ReportError(f"must be from 1 to {MOST_DEPTH}", "depth")
    if not 1 <= question.branches <= MOST_BRANCHES:
        raise ReportError(f"must be from 1 to {MOST_BRANCHES}", "branches")
    if question.gap_ms < 1:
        raise ReportError("must be positive", "gap")
    if question.window_ms is not None and question.window_ms < 1:
        raise ReportError("must be positive", "window")


def _step(node: PathNode, labels: Sequence[str]) -> PathStep:
    return PathStep(
        labels[node.name],
        node.count,
        node.ended,
        node.other,
        node.other_names,
        [_step(child, labels) for child in node.children],
    )
