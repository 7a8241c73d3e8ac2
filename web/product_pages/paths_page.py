"""Paths as columns: where persons go after an event, or come from before one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from multidict import MultiDict, MultiMapping
from pydantic import Field, StringConstraints, ValidationError

from analytics.product.definitions import PathDefinition, ReportKind
from analytics.product.ingestion import LONGEST_NAME
from analytics.product.paths import PathReport, PathStep, PathUnit
from storage.api.projects import Project
from web.http.parameters import DIGITS, Parameters, read_query
from web.product_pages.asked_reports import AskedReport
from web.product_pages.parts import ReportParts, report_page
from web.product_pages.questions import asked_filters, asked_range, common_fields
from web.product_pages.ranges import ChosenRange

_MOST_ROWS: Final = 100
MOST_COLUMNS: Final = 8
MOST_SHOWN_BRANCHES: Final = 10


class PathsQuery(Parameters):
    """The question of the page; without an event, paths begin with the first one of a session."""

    event: Annotated[str, StringConstraints(max_length=LONGEST_NAME, strip_whitespace=True)] = ""
    direction: Literal["after", "before"] = "after"
    depth: Annotated[int, Field(ge=2, le=MOST_COLUMNS), DIGITS] = 4
    branches: Annotated[int, Field(ge=1, le=MOST_SHOWN_BRANCHES), DIGITS] = 4
    unit: PathUnit = PathUnit.SESSIONS


@dataclass(frozen=True, slots=True)
class PathRow:
    """One path in the table: its events in order, and how many took all of them."""

    names: Sequence[str]
    count: int


class PathsReportPage(AskedReport):
    """The form, the columns and the table."""

    kind = ReportKind.PATHS
    page = report_page("/paths", "Paths", "paths_page")
    result = "product_pages/paths_result.html"

    def definition(self, query: MultiMapping[str], chosen: ChosenRange) -> dict[str, Any]:
        """Return the definition that an address asks for."""
        asked = read_query(query, PathsQuery)
        anchor = {"event": asked.event} if asked.event else None
        return {
            **asked_range(chosen),
            "startEvent" if asked.direction == "after" else "endEvent": anchor,
            "depth": asked.depth,
            "branches": asked.branches,
            "unit": asked.unit,
            "filters": asked_filters(query),
        }

    def query(self, definition: dict[str, Any]) -> MultiDict[str]:
        """Return the parameters that ask a definition, as far as the form has them."""
        asked = PathDefinition.model_validate(definition)
        anchor = asked.startEvent or asked.endEvent
        found = common_fields(definition)
        found.update(
            {
                "event": "" if anchor is None else anchor.event or "",
                "direction": "after" if asked.endEvent is None else "before",
                "depth": str(min(max(asked.depth, 2), MOST_COLUMNS)),
                "branches": str(min(asked.branches, MOST_SHOWN_BRANCHES)),
                "unit": asked.unit,
            }
        )
        return found

    def form(self, query: MultiMapping[str]) -> Mapping[str, Any]:
        """Return the values of the form."""
        try:
            return {"asked": read_query(query, PathsQuery)}
        except ValidationError:
            return {"asked": PathsQuery()}

    async def answer(
        self, parts: ReportParts, project: Project, definition: dict[str, Any]
    ) -> Mapping[str, Any]:
        """Return the values of the result's template."""
        asked = PathDefinition.model_validate(definition)
        selection = await parts.analytics.questions.selection(project, asked)
        question = await parts.analytics.questions.paths(project, asked)
        report = await parts.analytics.paths.report(selection, question)
        anchor, leads_here = asked.startEvent or asked.endEvent, asked.endEvent is not None
        return {
            "report": report,
            "rows": path_rows(report, leads_here),
            "path_event": "" if anchor is None else anchor.event,
            "leads_here": leads_here,
        }


def path_rows(report: PathReport, leads_here: bool) -> list[PathRow]:
    """Return the paths to every node of the tree, the most frequent first.

    Args:
        report: the tree.
        leads_here: whether the events of a path come in the opposite order of time.
    """
    rows = [
        PathRow(names[::-1] if leads_here else names, count)
        for first in report.first
        for names, count in _paths(first, ())
        if len(names) > 1
    ]
    return sorted(rows, key=lambda row: (-row.count, row.names))[:_MOST_ROWS]


def _paths(step: PathStep, before: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    names = (*before, step.name)
    yield names, step.count
    for following in step.following:
        yield from _paths(following, names)
