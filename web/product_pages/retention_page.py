"""Retention as a grid: of the persons who start in a period, how many come back when."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from multidict import MultiDict, MultiMapping
from pydantic import Field, StringConstraints, ValidationError

from analytics.product.definitions import ReportKind, RetentionDefinition
from analytics.product.ingestion import LONGEST_NAME
from analytics.product.retention import RetentionPeriods, RetentionQuestion, RetentionStarts
from storage.api.events import EventSelection
from storage.api.projects import Project
from web.http.parameters import DIGITS, Parameters, read_query
from web.product_pages.asked_reports import AskedReport
from web.product_pages.parts import ReportParts, report_page
from web.product_pages.questions import asked_filters, asked_range, common_fields
from web.product_pages.ranges import ChosenRange

_PERIODS: Final = {"day": 14, "week": 8, "month": 6}
_MOST_LISTED: Final = 1_000

EventText = Annotated[str, StringConstraints(max_length=LONGEST_NAME, strip_whitespace=True)]


class RetentionQuery(Parameters):
    """The question of the page; an empty event is any event."""

    start: EventText = ""
    back: EventText = ""
    cohort: Literal["day", "week", "month"] = "week"
    periods: Annotated[int | None, Field(ge=1, le=60), DIGITS] = None
    starts: RetentionStarts = RetentionStarts.FIRST_EVER
    kind: RetentionPeriods = RetentionPeriods.CALENDAR
    unbounded: bool = False

    @property
    def length(self) -> int:
        """The number of periods."""
        return self.periods or _PERIODS[self.cohort]


class RetentionCellQuery(Parameters):
    """A cell whose persons are listed: the cohort, and the period or None for all."""

    row: Annotated[int | None, Field(ge=0), DIGITS] = None
    cell: Annotated[int | None, Field(ge=0), DIGITS] = None


class RetentionReportPage(AskedReport):
    """The form and the grid."""

    kind = ReportKind.RETENTION
    page = report_page("/retention", "Retention", "retention_page")
    result = "product_pages/retention_grid.html"
    default_days = 90

    def definition(self, query: MultiMapping[str], chosen: ChosenRange) -> dict[str, Any]:
        """Return the definition that an address asks for."""
        asked = read_query(query, RetentionQuery)
        return {
            **asked_range(chosen),
            "startEvent": {"event": asked.start or None},
            "returnEvent": {"event": asked.back or None},
            "cohort": asked.cohort,
            "periods": asked.length,
            "starts": asked.starts,
            "kind": asked.kind,
            "unbounded": asked.unbounded,
            "filters": asked_filters(query),
        }

    def query(self, definition: dict[str, Any]) -> MultiDict[str]:
        """Return the parameters that ask a definition, as far as the form has them."""
        asked = RetentionDefinition.model_validate(definition)
        back = asked.returnEvent
        found = common_fields(definition)
        found.update(
            {
                "start": asked.startEvent.event or "",
                "back": "" if back is None else back.event or "",
                "cohort": asked.cohort,
                "periods": str(asked.periods),
                "starts": asked.starts,
                "kind": asked.kind,
                "unbounded": str(asked.unbounded).lower(),
            }
        )
        return found

    def form(self, query: MultiMapping[str]) -> Mapping[str, Any]:
        """Return the values of the form."""
        try:
            asked = read_query(query, RetentionQuery)
        except ValidationError:
            asked = RetentionQuery()
        return {"asked": asked, "periods": asked.length}

    async def answer(
        self, parts: ReportParts, project: Project, definition: dict[str, Any]
    ) -> Mapping[str, Any]:
        """Return the values of the result's template."""
        asked, selection, question = await _asked(parts, project, definition)
        report = await parts.analytics.retention.report(project, selection, question)
        return {"report": report, "cohort_unit": asked.cohort.value, "periods": asked.periods}

    async def members_part(
        self,
        parts: ReportParts,
        project: Project,
        definition: dict[str, Any],
        query: MultiMapping[str],
    ) -> Mapping[str, Any]:
        """Return the persons behind a cell, if the address asks for them."""
        place = read_query(query, RetentionCellQuery)
        if place.row is None:
            return {}
        _, selection, question = await _asked(parts, project, definition)
        found = await parts.analytics.retention.persons(
            project, selection, question, place.row, place.cell
        )
        return {"persons": found[:_MOST_LISTED], "persons_total": len(found), "place": place}


async def _asked(
    parts: ReportParts, project: Project, definition: dict[str, Any]
) -> tuple[RetentionDefinition, EventSelection, RetentionQuestion]:
    asked, questions = RetentionDefinition.model_validate(definition), parts.analytics.questions
    selection = await questions.selection(project, asked)
    return asked, selection, await questions.retention(project, asked)
