"""Visits: how many, how long, where they begin and end, and what was not counted."""

from collections.abc import Mapping
from typing import Any, Final

from multidict import MultiDict, MultiMapping

from analytics.product.definitions import ReportKind, TopEventsDefinition
from storage.api.projects import Project
from storage.api.visits.exclusions import ExclusionReason
from web.http.viewing.texts import marked
from web.product_pages.asked_reports import AskedReport
from web.product_pages.parts import ReportParts, report_page
from web.product_pages.questions import asked_filters, asked_range, common_fields
from web.product_pages.ranges import ChosenRange

_LISTED: Final = 20
_EXCLUSIONS: Final = {
    ExclusionReason.BOT: marked("events of bots"),
    ExclusionReason.ADDRESS: marked("events from excluded addresses"),
    ExclusionReason.USER_AGENT: marked("events of excluded browsers"),
}


class VisitsReportPage(AskedReport):
    """The page of visits: the form, the totals, and tables of sources and pages."""

    kind = ReportKind.SESSIONS
    page = report_page("/sessions", "Visits", "visits_page")
    result = "product_pages/visits_result.html"

    def definition(self, query: MultiMapping[str], chosen: ChosenRange) -> dict[str, Any]:
        """Return the definition that an address asks for."""
        return {**asked_range(chosen), "filters": asked_filters(query), "limit": _LISTED}

    def query(self, definition: dict[str, Any]) -> MultiDict[str]:
        """Return the parameters that ask a definition, as far as the form has them."""
        return common_fields(definition)

    def form(self, query: MultiMapping[str]) -> Mapping[str, Any]:
        """Return the values of the form: it has those of all reports only."""
        return {}

    async def answer(
        self, parts: ReportParts, project: Project, definition: dict[str, Any]
    ) -> Mapping[str, Any]:
        """Return the values of the result's template."""
        asked = TopEventsDefinition.model_validate(definition)
        selection = await parts.analytics.questions.selection(project, asked)
        report = await parts.analytics.sessions.report(project, selection, asked.limit)
        counts = report.excluded
        return {
            "report": report,
            "excluded": [
                (counts[reason], text) for reason, text in _EXCLUSIONS.items() if counts.get(reason)
            ],
        }
