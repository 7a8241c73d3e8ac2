"""The parts that the pages of reports have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from analytics.errors import AnalyticsError
from analytics.service import Analytics
from model.clock import Clock
from storage.api.events import EventQueryError
from web.http.pages import Page
from web.http.routing import Access
from web.http.validation import first_field_error
from web.live.shell import Shell
from web.projects.access import ProjectAccess
from web.projects.chart_marks import ChartMarks
from web.projects.frame import ProjectFrame

MOST_NAMES: Final = 500
"""The event names that a form offers."""

REFUSALS: Final = (ValidationError, AnalyticsError, EventQueryError)
"""The errors of a question that its form shows."""


@dataclass(frozen=True, slots=True)
class ReportParts:
    """The services of the pages of reports."""

    analytics: Analytics
    access: ProjectAccess
    shell: Shell
    clock: Clock
    marks: ChartMarks

    async def frame(self, request: web.Request) -> ProjectFrame:
        """Return the frame of the project in the path.

        Raises:
            MissingError: the sender sees no such project.
        """
        return await ProjectFrame.of(self.access, request)

    async def names(self, frame: ProjectFrame) -> Sequence[str]:
        """Return the event names that a form offers, the most frequent first; no hidden ones."""
        found = await self.analytics.schema.names(frame.project)
        return [each.seen.name for each in found[:MOST_NAMES]]


def report_page(tab: str, title: str, template: str) -> Page:
    """Return the page of a project at a tab's path."""
    return Page(
        path=f"/projects/{{project_key}}{tab}",
        title=title,
        template=f"product_pages/{template}.html",
        access=Access.USER,
        parent="/projects",
    )


def refusal_text(exc: Exception) -> str:
    """Return what is wrong with a question, for its form."""
    if isinstance(exc, ValidationError):
        field, message = first_field_error(exc)
        return f"{field}: {message}" if field else message
    return str(exc)


def given(query: Any, name: str, default: str = "") -> str:
    """Return a parameter of an address, without white space around it."""
    return str(query.get(name, default)).strip()
