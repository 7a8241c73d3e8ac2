"""Visits: how many, when, how long, where they begin and end, and what was not counted."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from multidict import MultiDict, MultiMapping

from analytics.product.definitions import ReportKind, SessionsDefinition
from analytics.product.sessions import SessionPeriod, SessionReport, SessionsQuestion
from analytics.statistics.proportion import wilson
from storage.api.projects import Project
from storage.api.visits.exclusions import ExclusionReason
from web.http.viewing.texts import gettext, marked
from web.product_pages.asked_reports import AskedReport
from web.product_pages.parts import ReportParts, given, report_page
from web.product_pages.questions import asked_filters, asked_range, common_fields
from web.product_pages.ranges import ChosenRange
from web.projects.figures import Figure

_LISTED: Final = 20
_EXCLUSIONS: Final = {
    ExclusionReason.BOT: marked("events of bots"),
    ExclusionReason.ADDRESS: marked("events from excluded addresses"),
    ExclusionReason.USER_AGENT: marked("events of excluded browsers"),
}


class VisitsReportPage(AskedReport):
    """The page of visits: the form, totals, the series, and tables of sources and pages."""

    kind = ReportKind.SESSIONS
    page = report_page("/sessions", "Visits", "visits_page")
    result = "product_pages/visits_result.html"
    offers_names = False

    def definition(self, query: MultiMapping[str], chosen: ChosenRange) -> dict[str, Any]:
        """Return the definition that an address asks for."""
        return {
            **asked_range(chosen),
            "filters": asked_filters(query),
            "limit": _LISTED,
            "interval": given(query, "interval") or chosen.dates.interval.value,
            "compare": given(query, "compare") != "false",
        }

    def query(self, definition: dict[str, Any]) -> MultiDict[str]:
        """Return the parameters that ask a definition, as far as the form has them."""
        found = common_fields(definition)
        if definition.get("interval"):
            found["interval"] = definition["interval"]
        if not definition.get("compare"):
            found["compare"] = "false"
        return found

    def form(self, query: MultiMapping[str]) -> Mapping[str, Any]:
        """Return the values of the fields that only this form has."""
        return {
            "interval": given(query, "interval"),
            "compare": given(query, "compare") != "false",
        }

    def span(self, values: Mapping[str, Any]) -> tuple[int, int] | None:
        """Return the range of the chart."""
        report: SessionReport = values["report"]
        points = report.current.points
        return points[0].start_ms, points[-1].end_ms

    async def answer(
        self, parts: ReportParts, project: Project, definition: dict[str, Any]
    ) -> Mapping[str, Any]:
        """Return the values of the result's template."""
        asked = SessionsDefinition.model_validate(definition)
        selection = await parts.analytics.questions.selection(project, asked)
        question = SessionsQuestion(asked.limit, asked.interval, asked.timeZone, asked.compare)
        report = await parts.analytics.sessions.report(project, selection, question)
        counts = report.excluded
        return {
            "report": report,
            "change": _changes(report),
            "chart_data": _chart(report),
            "proportion": wilson,
            "excluded": [
                (counts[reason], text) for reason, text in _EXCLUSIONS.items() if counts.get(reason)
            ],
        }


def _changes(report: SessionReport) -> Mapping[str, Figure] | None:
    """Return the counts beside those of the period before, None unless compared."""
    if report.previous is None:
        return None
    now, before = report.current.figures, report.previous.figures
    return {
        "sessions": Figure(gettext("Visits"), now.sessions, before.sessions),
        "persons": Figure(gettext("Persons"), now.persons, before.persons),
    }


def _chart(report: SessionReport) -> Mapping[str, Any]:
    """Return what the script draws: visits, persons, and the visits of the period before."""
    points, length = report.current.points, len(report.current.points)
    lines: list[dict[str, Any]] = [
        {"name": gettext("Visits"), "values": [point.sessions for point in points]},
        {"name": gettext("Persons"), "values": [point.persons for point in points]},
    ]
    if report.previous is not None:
        lines.append(
            {
                "name": gettext("%(name)s, before") % {"name": gettext("Visits")},
                "values": _by_bucket(report.previous, length),
                "dashed": True,
                "colour": 0,
            }
        )
    return {
        "labels": [point.label for point in points],
        "edges": [point.start_ms for point in points] + [point.end_ms for point in points[-1:]],
        "complete": [point.is_complete for point in points],
        "lines": lines,
    }


def _by_bucket(period: SessionPeriod, length: int) -> Sequence[int | None]:
    """Return the sessions of the first `length` buckets; missing ones are None."""
    found: list[int | None] = [point.sessions for point in period.points]
    return (found + [None] * (length - len(found)))[:length]
