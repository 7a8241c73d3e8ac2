"""Retention as a grid: of the persons who start in a period, how many come back when."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from aiohttp import web
from pydantic import Field, StringConstraints

from analytics.product.ingestion import LONGEST_NAME
from analytics.product.retention import RetentionPeriods, RetentionQuestion, RetentionStarts
from analytics.statistics.calendar import Interval
from storage.api.events import EventSelection, EventStep
from web.http.parameters import DIGITS, Parameters, read_query
from web.http.routing import Route
from web.product_pages.parts import REFUSALS, ReportParts, refusal_text, report_page
from web.product_pages.ranges import ChosenRange, chosen_range
from web.projects.frame import ProjectFrame

_PERIODS: Final = {"day": 14, "week": 8, "month": 6}
_MOST_LISTED: Final = 1_000

RETENTION: Final = report_page("/retention", "Retention", "retention_page")
EventText = Annotated[str, StringConstraints(max_length=LONGEST_NAME)]


class RetentionQuery(Parameters):
    """The question of the page; an empty event is any event."""

    start: EventText = ""
    back: EventText = ""
    cohort: Literal["day", "week", "month"] = "week"
    periods: Annotated[int | None, Field(ge=1, le=60), DIGITS] = None
    starts: RetentionStarts = RetentionStarts.FIRST_EVER
    kind: RetentionPeriods = RetentionPeriods.CALENDAR
    unbounded: bool = False
    row: Annotated[int | None, Field(ge=0), DIGITS] = None
    cell: Annotated[int | None, Field(ge=0), DIGITS] = None

    def question(self) -> RetentionQuestion:
        """Return the question."""
        return RetentionQuestion(
            EventStep(self.start or None),
            EventStep(self.back or None),
            Interval(self.cohort),
            periods=self.periods or _PERIODS[self.cohort],
            starts=self.starts,
            kind=self.kind,
            is_unbounded=self.unbounded,
        )


class RetentionPages:
    """Shows the grid, and the persons behind a cell."""

    def __init__(self, parts: ReportParts) -> None:
        self._parts, self._reports = parts, parts.analytics.retention

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        return (self._parts.shell.route(RETENTION, self.show),)

    async def show(self, request: web.Request) -> web.Response:
        """Show the grid."""
        frame = await self._parts.frame(request)
        chosen = chosen_range(request.query, frame.project, self._parts.clock(), 90)
        status, values = 200, dict[str, Any](problem="", report=None, persons=None)
        asked = RetentionQuery()
        try:
            asked = read_query(request.query, RetentionQuery)
            values |= await self._answer(frame, asked, chosen)
        except REFUSALS as exc:
            status, values["problem"] = 400, refusal_text(exc)
        return await self._parts.shell.page(
            request,
            RETENTION,
            status,
            **frame.values("/retention"),
            **values,
            asked=asked,
            periods=asked.periods or _PERIODS[asked.cohort],
            date_range=chosen,
            names=await self._parts.names(frame),
            address=_address(request.path, asked, chosen),
            starts=list(RetentionStarts),
            kinds=list(RetentionPeriods),
        )

    async def _answer(
        self, frame: ProjectFrame, asked: RetentionQuery, chosen: ChosenRange
    ) -> Mapping[str, Any]:
        project, question = frame.project, asked.question()
        selection = EventSelection(project.id, chosen.dates.start_ms, chosen.dates.end_ms)
        report = await self._reports.report(project, selection, question)
        if asked.row is None:
            return {"report": report}
        persons = await self._reports.persons(project, selection, question, asked.row, asked.cell)
        return {
            "report": report,
            "persons": persons[:_MOST_LISTED],
            "persons_total": len(persons),
        }


def _address(path: str, asked: RetentionQuery, chosen: ChosenRange) -> str:
    """Return the address of the grid, to which a cell is appended."""
    own = asked.model_dump(mode="json", exclude_defaults=True, exclude={"row", "cell"})
    pairs = [(name, str(value).lower() if value is True else value) for name, value in own.items()]
    return f"{path}?{urlencode([*pairs, *chosen.parameters])}"
