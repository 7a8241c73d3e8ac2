"""Answers questions about retention."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analytics.errors import ReportError
from analytics.product.retention.answers import (
    RetentionCell,
    RetentionCohort,
    RetentionQuestion,
    RetentionReport,
    RetentionStarts,
)
from analytics.product.retention.frame import RetentionFrame, frame_of
from analytics.statistics.proportion import Proportion, wilson
from analytics.statistics.retention import (
    RetainedPersons,
    calendar_counts,
    calendar_persons,
    elapsed_returns,
)
from model.clock import Clock
from storage.api.activity import ActivityReader, Presences
from storage.api.events import EventSelection
from storage.api.projects import Project

_EVER_MS: Final = 2**62


class RetentionReports:
    """Answers questions about retention."""

    def __init__(self, activity: ActivityReader, clock: Clock) -> None:
        self._activity, self._clock = activity, clock

    async def report(
        self, project: Project, selection: EventSelection, question: RetentionQuestion
    ) -> RetentionReport:
        """Return the returns of all cohorts that the selection's range touches.

        The first and the last cohort are whole: the range is extended to their edges, and
        returns are counted after its end.

        Raises:
            ReportError: the question is invalid; its field is named.
        """
        frame = await self._frame(project, selection, question)
        if frame.period_ms is None:
            events, earlier = await self._presences(selection, question, frame)
            sizes, returns = await asyncio.to_thread(calendar_counts, events, earlier, frame.grid)
        else:
            sizes = np.zeros(len(frame.firsts), np.int64)
            returns = np.zeros((len(frame.firsts), question.periods + 1), np.int64)
            for found in await self._elapsed(selection, question, frame):
                more_sizes, more_returns = found.counts(len(frame.firsts))
                sizes += more_sizes
                returns += more_returns
        return _report(frame, question, sizes.tolist(), returns.tolist())

    async def persons(
        self,
        project: Project,
        selection: EventSelection,
        question: RetentionQuestion,
        cohort: int,
        period: int | None,
    ) -> Sequence[str]:
        """Return the persons behind a cell, exactly as many as it counts.

        Args:
            project: as for the report.
            selection: as for the report.
            question: as for the report.
            cohort: the index of the cohort.
            period: the period; None for all persons of the cohort.

        Raises:
            ReportError: the report has no such cell.
        """
        frame = await self._frame(project, selection, question)
        if not 0 <= cohort < len(frame.firsts):
            raise ReportError(f"there are {len(frame.firsts)} cohorts, from 0 on", "cohort")
        if period is not None and not 0 <= period <= question.periods:
            raise ReportError(f"the last period is {question.periods}", "period")
        row = -1 if period is None else period
        if frame.period_ms is None:
            events, earlier = await self._presences(selection, question, frame)
            persons = await asyncio.to_thread(
                calendar_persons, events, earlier, frame.grid, cohort, row
            )
        else:
            blocks = await self._elapsed(selection, question, frame)
            persons = np.concatenate([_members(block, cohort, row) for block in blocks])
        return sorted(await self._activity.person_ids(selection.project, persons))

    async def _frame(
        self, project: Project, selection: EventSelection, question: RetentionQuestion
    ) -> RetentionFrame:
        now_ms = self._clock()
        return await asyncio.to_thread(frame_of, project, selection, question, now_ms)

    async def _presences(
        self, selection: EventSelection, question: RetentionQuestion, frame: RetentionFrame
    ) -> tuple[Presences, NDArray[np.uint64]]:
        reach = replace(selection, start_ms=int(frame.edges_ms[0]), end_ms=int(frame.edges_ms[-1]))
        events = await self._activity.presences(
            reach, question.start, question.back, frame.edges_ms
        )
        return events, await self._earlier(selection, question, frame)

    async def _elapsed(
        self, selection: EventSelection, question: RetentionQuestion, frame: RetentionFrame
    ) -> Sequence[RetainedPersons]:
        period_ms = frame.period_ms or 0
        end_ms = int(frame.cohorts.edges_ms[-1]) + (question.periods + 1) * period_ms
        if question.is_unbounded:
            end_ms = max(end_ms, int(frame.edges_ms[-1]))
        reach = replace(selection, start_ms=int(frame.edges_ms[0]), end_ms=end_ms)
        earlier = await self._earlier(selection, question, frame)
        steps = (question.start, question.back)
        # Beyond the last edge there are returns only.
        edges = np.append(frame.edges_ms, max(int(frame.edges_ms[-1]) + 1, end_ms))
        grid = replace(frame.grid, cohorts=np.append(frame.grid.cohorts, -1))
        return [
            await asyncio.to_thread(elapsed_returns, block, earlier, grid, edges, period_ms)
            async for block in self._activity.trails(reach, steps, all_events=False)
        ]

    async def _earlier(
        self, selection: EventSelection, question: RetentionQuestion, frame: RetentionFrame
    ) -> NDArray[np.uint64]:
        """Return the persons whose first start lies before the first cohort, ascending."""
        if question.starts is RetentionStarts.RECURRING:
            return np.empty(0, np.uint64)
        before = replace(selection, start_ms=-_EVER_MS, end_ms=int(frame.edges_ms[0]))
        return await self._activity.persons_with(before, question.start)


def _members(block: RetainedPersons, cohort: int, period: int) -> NDArray[np.uint64]:
    chosen = block.cohorts == cohort
    if period >= 0:
        chosen &= block.returned[period]
    members: NDArray[np.uint64] = block.persons[chosen]
    return members


def _report(
    frame: RetentionFrame,
    question: RetentionQuestion,
    sizes: Sequence[int],
    returns: Sequence[Sequence[int]],
) -> RetentionReport:
    cohorts = []
    edges = frame.cohorts.edges_ms.tolist()
    for index, label in enumerate(frame.cohorts.labels):
        cells = [
            RetentionCell(
                period,
                sizes[index],
                returns[index][period],
                wilson(returns[index][period], sizes[index]),
                frame.is_over(index, period),
            )
            for period in range(question.periods + 1)
            if frame.has_begun(index, period)
        ]
        is_complete = edges[index + 1] <= frame.now_ms
        cohorts.append(
            RetentionCohort(label, edges[index], edges[index + 1], sizes[index], is_complete, cells)
        )
    return RetentionReport(cohorts, _overall(cohorts, question), frame.zone.key)


def _overall(
    cohorts: Sequence[RetentionCohort], question: RetentionQuestion
) -> Sequence[RetentionCell]:
    cells = []
    for period in range(question.periods + 1):
        column = [
            cell
            for cohort in cohorts
            for cell in cohort.cells
            if cell.period == period and cell.is_complete
        ]
        if not column:
            continue
        size, persons = sum(cell.size for cell in column), sum(cell.persons for cell in column)
        rate = wilson(persons, size)
        if question.starts is RetentionStarts.RECURRING:
            rate = Proportion(rate.rate, None, None)
        cells.append(RetentionCell(period, size, persons, rate, is_complete=True))
    return cells
