"""Trends: measures of events in time, beside each other and beside the period before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from multidict import MultiDict, MultiMapping

from analytics.product.definitions import ReportKind, TrendsDefinition
from analytics.product.trends import TrendSeries, TrendsReport
from storage.api.projects import Project
from storage.api.reports.measures import EventMeasure
from web.http.viewing.texts import gettext, marked
from web.product_pages.asked_reports import AskedReport
from web.product_pages.parts import ReportParts, given, report_page
from web.product_pages.questions import asked_filters, asked_range, common_fields
from web.product_pages.ranges import ChosenRange

MOST_ROWS: Final = 6
_INTERVALS: Final = ("hour", "day", "week", "month")
_MEASURES: Final = {
    EventMeasure.EVENTS: marked("Events"),
    EventMeasure.PERSONS: marked("Persons"),
    EventMeasure.PER_PERSON: marked("Events per person"),
    EventMeasure.SUM: marked("Sum of a property"),
    EventMeasure.MEAN: marked("Mean of a property"),
    EventMeasure.LEAST: marked("Least of a property"),
    EventMeasure.GREATEST: marked("Greatest of a property"),
    EventMeasure.MEDIAN: marked("Median of a property"),
    EventMeasure.P90: marked("90th percentile of a property"),
    EventMeasure.P95: marked("95th percentile of a property"),
    EventMeasure.P99: marked("99th percentile of a property"),
}


@dataclass(frozen=True, slots=True)
class TrendRow:
    """One row of the form: an event, what is measured, and of which property."""

    event: str = ""
    measure: str = EventMeasure.EVENTS
    on: str = ""


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One line of the chart: its name and the series behind it."""

    name: str
    series: TrendSeries

    @property
    def change(self) -> float | None:
        """The relative change of the total against the period before, None if unknown."""
        now = self.series.current.total
        before = None if self.series.previous is None else self.series.previous.total
        return None if now is None or not before else (now - before) / before


class TrendsReportPage(AskedReport):
    """The form and the chart."""

    kind = ReportKind.TRENDS
    page = report_page("/trends", "Trends", "trends_page")
    result = "product_pages/trends_result.html"

    def definition(self, query: MultiMapping[str], chosen: ChosenRange) -> dict[str, Any]:
        """Return the definition that an address asks for."""
        events = [
            {"event": row.event, "measure": row.measure or EventMeasure.EVENTS}
            | ({"property": row.on} if row.on else {})
            for row in _rows(query)
            if row.event
        ]
        interval = given(query, "interval") or chosen.dates.interval.value
        return {
            **asked_range(chosen),
            "events": events or [{"event": None}],
            "interval": interval,
            "breakdown": given(query, "breakdown") or None,
            "compare": given(query, "compare") == "true",
            "filters": asked_filters(query),
        }

    def query(self, definition: dict[str, Any]) -> MultiDict[str]:
        """Return the parameters that ask a definition, as far as the form has them."""
        found = common_fields(definition)
        for each in definition.get("events", ()):
            row = each if isinstance(each, dict) else {"event": each}
            if row.get("event"):
                found.add("event", row["event"])
                found.add("measure", row.get("measure", EventMeasure.EVENTS))
                found.add("on", row.get("property") or "")
        for name in ("interval", "breakdown"):
            if definition.get(name):
                found[name] = definition[name]
        if definition.get("compare"):
            found["compare"] = "true"
        return found

    def form(self, query: MultiMapping[str]) -> Mapping[str, Any]:
        """Return the values of the form."""
        return {
            "rows": _rows(query) or [TrendRow()],
            "most_rows": MOST_ROWS,
            "measures": _MEASURES,
            "interval": given(query, "interval"),
            "intervals": _INTERVALS,
            "breakdown": given(query, "breakdown"),
            "compare": given(query, "compare") == "true",
        }

    def span(self, values: Mapping[str, Any]) -> tuple[int, int] | None:
        """Return the range of the chart."""
        report: TrendsReport = values["report"]
        return report.current.edges_ms[0], report.current.edges_ms[-1]

    async def answer(
        self, parts: ReportParts, project: Project, definition: dict[str, Any]
    ) -> Mapping[str, Any]:
        """Return the values of the result's template."""
        asked = TrendsDefinition.model_validate(definition)
        questions = parts.analytics.questions
        selection = await questions.selection(project, asked)
        question = await questions.trends(project, asked)
        report = await parts.analytics.trends.report(project, selection, question)
        measured = len({each.measure for each in question.events}) > 1
        lines = [ShownLine(_name(one, asked.breakdown, measured), one) for one in report.series]
        return {
            "report": report,
            "lines": lines,
            "asked_interval": asked.interval,
            "chart_data": _chart(report, lines),
        }


def _rows(query: MultiMapping[str]) -> list[TrendRow]:
    names, measures = query.getall("event", []), query.getall("measure", [])
    rows = zip_longest(names, measures, query.getall("on", []), fillvalue="")
    found = [TrendRow(*(text.strip() for text in row)) for row in rows]
    return [row for row in found if row.event][:MOST_ROWS]


def _name(series: TrendSeries, breakdown: str | None, measured: bool) -> str:
    name = series.event.label
    if measured or series.event.property:
        words = _MEASURES[series.event.measure].replace("a property", series.event.property or "")
        name = f"{name}: {words.lower() if not series.event.property else words}"
    if breakdown is None:
        return name
    value = gettext("all others") if series.is_other else series.value
    return f"{name} · {gettext('no value') if value is None else value}"


def _chart(report: TrendsReport, lines: Sequence[ShownLine]) -> Mapping[str, Any]:
    drawn: list[dict[str, Any]] = [
        {"name": line.name, "values": line.series.current.values} for line in lines
    ]
    if report.previous is not None:
        drawn += [
            {
                "name": gettext("%(name)s, before") % {"name": line.name},
                "values": line.series.previous.values,
                "dashed": True,
                "colour": at,
            }
            for at, line in enumerate(lines)
            if line.series.previous is not None
        ]
    return {
        "labels": report.current.labels,
        "edges": report.current.edges_ms,
        "complete": report.current.is_complete,
        "lines": drawn,
    }
