"""The report over visits: how many, how long, where they begin and end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from analytics.statistics.proportion import Proportion, wilson
from model.clock import Clock
from storage.api.events import FUTURE_TOLERANCE_MS, EventSelection
from storage.api.projects import Project
from storage.api.visits.exclusions import ExclusionCounter, ExclusionReason
from storage.api.visits.sessions import SessionFigures, SessionReader

_DAY_MS: Final = 86_400_000


class VisitReader(SessionReader, ExclusionCounter, Protocol):
    """Finds sessions, and counts the events that are excluded."""


@dataclass(frozen=True, slots=True)
class SessionReport:
    """The sessions that began in a range.

    Attributes:
        figures: their figures.
        bounce_rate: the share of those with a single activity.
        idle_s: the pause that ends a session.
        is_complete: whether all of them have ended.
        excluded: events in the hours of the range that were not stored, by reason.
    """

    figures: SessionFigures
    bounce_rate: Proportion
    idle_s: int
    is_complete: bool
    excluded: Mapping[ExclusionReason, int]


class SessionReports:
    """Answers the report for all projects."""

    def __init__(self, events: VisitReader, clock: Clock) -> None:
        self._events, self._clock = events, clock

    async def report(
        self, project: Project, selection: EventSelection, limit: int
    ) -> SessionReport:
        """Return the sessions that began in the range of a selection, with up to `limit` pages.

        A session goes on after the end of the range as long as it does not pause.
        """
        idle_ms = project.settings.session_idle_s * 1000
        now_ms = self._clock()
        last_ms = max(now_ms + FUTURE_TOLERANCE_MS, selection.end_ms)
        until_ms = min(selection.end_ms + _DAY_MS, last_ms)
        while True:
            found = await self._events.sessions(selection, idle_ms, until_ms, limit)
            end_ms = (found.last_ms or selection.start_ms) + idle_ms
            if end_ms < until_ms or until_ms == last_ms:
                break
            # A session of more than a day: usually a program, so that this is rare.
            until_ms = min(2 * until_ms - selection.end_ms, last_ms)
        return SessionReport(
            found,
            wilson(found.bounces, found.sessions),
            project.settings.session_idle_s,
            found.last_ms is None or end_ms < now_ms,
            await self._events.excluded(project.id, selection.start_ms, selection.end_ms),
        )
