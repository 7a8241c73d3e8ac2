"""Paths as columns: where persons go after an event, or come from before one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from aiohttp import web
from pydantic import Field, StringConstraints

from analytics.product.ingestion import LONGEST_NAME
from analytics.product.paths import PathQuestion, PathReport, PathStep, PathUnit
from storage.api.events import EventSelection, EventStep
from web.http.parameters import DIGITS, Parameters, read_query
from web.http.routing import Route
from web.product_pages.parts import REFUSALS, ReportParts, refusal_text, report_page
from web.product_pages.ranges import chosen_range

_MOST_ROWS: Final = 100

PATHS: Final = report_page("/paths", "Paths", "paths_page")


class PathsQuery(Parameters):
    """The question of the page; without an event, paths begin with the first one of a session."""

    event: Annotated[str, StringConstraints(max_length=LONGEST_NAME)] = ""
    direction: Literal["after", "before"] = "after"
    depth: Annotated[int, Field(ge=2, le=8), DIGITS] = 4
    branches: Annotated[int, Field(ge=1, le=10), DIGITS] = 4
    unit: PathUnit = PathUnit.SESSIONS

    def question(self) -> PathQuestion:
        """Return the question."""
        anchor = EventStep(self.event) if self.event else None
        leads_here = self.direction == "before"
        return PathQuestion(
            None if leads_here else anchor,
            anchor if leads_here else None,
            self.depth,
            self.branches,
            self.unit,
        )


@dataclass(frozen=True, slots=True)
class PathRow:
    """One path in the table: its events in order, and how many took all of them."""

    names: Sequence[str]
    count: int


class PathsPages:
    """Shows paths as columns and as a table."""

    def __init__(self, parts: ReportParts) -> None:
        self._parts = parts

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        return (self._parts.shell.route(PATHS, self.show),)

    async def show(self, request: web.Request) -> web.Response:
        """Show the paths."""
        frame = await self._parts.frame(request)
        chosen = chosen_range(request.query, frame.project, self._parts.clock())
        selection = EventSelection(frame.project.id, chosen.dates.start_ms, chosen.dates.end_ms)
        status, asked = 200, PathsQuery()
        values: dict[str, Any] = {"problem": "", "report": None, "rows": ()}
        try:
            asked = read_query(request.query, PathsQuery)
            report = await self._parts.analytics.paths.report(selection, asked.question())
            values |= {"report": report, "rows": path_rows(report, asked.direction == "before")}
        except REFUSALS as exc:
            status, values["problem"] = 400, refusal_text(exc)
        return await self._parts.shell.page(
            request,
            PATHS,
            status,
            **frame.values("/paths"),
            **values,
            asked=asked,
            date_range=chosen,
            names=await self._parts.names(frame),
            units=list(PathUnit),
        )


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
