"""Turns definitions in JSON into questions: resolves ranges, filters and segments."""

from typing import Final

from analytics.errors import ReportError
from analytics.product.conditions import SegmentLookup, parse_filters
from analytics.product.definitions import (
    EventDefinition,
    FunnelDefinition,
    PathDefinition,
    ReportDefinition,
    RetentionDefinition,
    TrendsDefinition,
)
from analytics.product.funnels import ExcludedEvent, FunnelQuestion
from analytics.product.paths import PathQuestion
from analytics.product.retention import RetentionQuestion
from analytics.product.segments import Segments
from analytics.product.trends import TrendEvent, TrendsQuestion
from analytics.statistics.calendar import zone_of
from analytics.statistics.date_ranges import latest_days
from analytics.timestamps import unix_ms
from model.clock import Clock
from storage.api.events import FUTURE_TOLERANCE_MS, EventSelection, EventStep
from storage.api.projects import Project

DEFAULT_RANGE_MS: Final = 30 * 86_400_000
ANY_EVENT: Final = "any event"


class Questions:
    """The questions of all projects' reports."""

    def __init__(self, segments: Segments, clock: Clock) -> None:
        self._segments, self._clock = segments, clock

    async def selection(self, project: Project, definition: ReportDefinition) -> EventSelection:
        """Return the events that a definition is about.

        Raises:
            ReportError: the range is empty, or the filter is invalid.
        """
        start_ms, end_ms = self._range(project, definition)
        where = await self._segments.parse(project, definition.filters)
        return EventSelection(project.id, start_ms, end_ms, where=where)

    async def trends(self, project: Project, definition: TrendsDefinition) -> TrendsQuestion:
        """Return the question of a trends report.

        Raises:
            ReportError: a filter is invalid.
        """
        events = definition.events
        lookup = await self._segments.lookup(project, *(one.filters for one in events))
        return TrendsQuestion(
            tuple(
                TrendEvent(
                    _step(one, lookup, f"events[{index}]"), _label(one), one.measure, one.property
                )
                for index, one in enumerate(events)
            ),
            definition.interval,
            definition.timeZone,
            definition.breakdown,
            definition.breakdownLimit,
            definition.compare,
        )

    async def funnel(self, project: Project, definition: FunnelDefinition) -> FunnelQuestion:
        """Return the question of a funnel.

        Raises:
            ReportError: a filter is invalid.
        """
        steps, exclusions = definition.steps, definition.exclusions
        lookup = await self._segments.lookup(
            project, *(one.filters for one in (*steps, *exclusions))
        )
        return FunnelQuestion(
            tuple(_step(one, lookup, f"steps[{index}]") for index, one in enumerate(steps)),
            tuple(_label(one) for one in steps),
            definition.order,
            definition.windowSeconds * 1000,
            tuple(
                ExcludedEvent(
                    _step(one, lookup, f"exclusions[{index}]"),
                    one.after,
                    len(steps) if one.before is None else one.before,
                )
                for index, one in enumerate(exclusions)
            ),
            definition.breakdown,
            definition.breakdownLimit,
        )

    async def retention(
        self, project: Project, definition: RetentionDefinition
    ) -> RetentionQuestion:
        """Return the question of a retention report.

        Raises:
            ReportError: a filter is invalid.
        """
        return RetentionQuestion(
            await self._one(project, definition.startEvent, "startEvent") or EventStep(None),
            await self._one(project, definition.returnEvent, "returnEvent") or EventStep(None),
            definition.cohort,
            definition.period,
            definition.periods,
            definition.starts,
            definition.kind,
            definition.unbounded,
            definition.timeZone,
        )

    async def paths(self, project: Project, definition: PathDefinition) -> PathQuestion:
        """Return the question of a path report.

        Raises:
            ReportError: a filter is invalid.
        """
        window_s = definition.windowSeconds
        return PathQuestion(
            await self._one(project, definition.startEvent, "startEvent"),
            await self._one(project, definition.endEvent, "endEvent"),
            definition.depth,
            definition.branches,
            definition.unit,
            definition.gapSeconds * 1000,
            None if window_s is None else window_s * 1000,
            definition.joinRepeats,
        )

    async def _one(
        self, project: Project, definition: EventDefinition | None, field: str
    ) -> EventStep | None:
        if definition is None:
            return None
        return _step(definition, await self._segments.lookup(project, definition.filters), field)

    async def require_valid(self, project: Project, definition: ReportDefinition) -> None:
        """Check a definition beyond its form: filters, segments and contradictions.

        Raises:
            ReportError: one is invalid.
        """
        await self.selection(project, definition)
        if isinstance(definition, TrendsDefinition):
            (await self.trends(project, definition)).require_valid()
        if isinstance(definition, FunnelDefinition):
            (await self.funnel(project, definition)).require_valid()
        if isinstance(definition, RetentionDefinition):
            await self.retention(project, definition)
        if isinstance(definition, PathDefinition):
            await self.paths(project, definition)

    def _range(self, project: Project, definition: ReportDefinition) -> tuple[int, int]:
        if definition.days is not None:
            zone = zone_of(project.settings.time_zone)
            latest = latest_days(definition.days, zone, self._clock())
            return latest.start_ms, latest.end_ms
        # The tolerance for clocks that are ahead: such events belong to "now".
        latest_ms = self._clock() + FUTURE_TOLERANCE_MS
        asked_end_ms, start_ms = unix_ms(definition.to), unix_ms(definition.from_)
        end_ms = latest_ms if asked_end_ms is None else asked_end_ms
        start_ms = end_ms - DEFAULT_RANGE_MS if start_ms is None else start_ms
        if end_ms <= start_ms:
            raise ReportError("must be after from", "to")
        return start_ms, end_ms


def _step(definition: EventDefinition, lookup: SegmentLookup, field: str) -> EventStep:
    where = parse_filters(definition.filters, lookup, f"{field}.filters")
    return EventStep(definition.event, where)


def _label(definition: EventDefinition) -> str:
    return definition.label or definition.event or ANY_EVENT
