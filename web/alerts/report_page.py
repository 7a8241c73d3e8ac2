"""The report on alerts, as page and as `/api/alerts/report`."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import Field
from typing_extensions import TypedDict

from alerting.book.report import AlertStatistics, grouped, statistics_of
from model.clock import Clock
from storage.api.alerts import AlertRecords
from web.fleet.fleet import Fleet
from web.http.operations import Operation
from web.http.pages import Page
from web.http.parameters import DIGITS, Parameters, read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface
from web.live.shell import Shell

_DAY_MS: Final = 86_400_000
_MOST_ROWS: Final = 50
RANGES: Final = (1, 7, 30, 90, 365)

REPORT: Final = Page(
    path="/alert-report", title="Report", template="alerts/report_page.html", parent="/alerts"
)


class AlertReportQuery(Parameters):
    """How many days back the report reaches."""

    days: Annotated[int, Field(ge=1, le=3660), DIGITS] = 30


class AlertStatisticsDocument(TypedDict):
    """Statistics of alerts; the means are null without an acknowledgement or an end."""

    name: str
    fired: int
    open: int
    acknowledged: int
    firing_s: float
    mtta_s: float | None
    mttr_s: float | None


class AlertReportDocument(TypedDict):
    """Statistics of the alerts that fired in a range, the noisiest rules and hosts first."""

    since_ms: int
    until_ms: int
    all: AlertStatisticsDocument
    rules: list[AlertStatisticsDocument]
    hosts: list[AlertStatisticsDocument]


class AlertReport:
    """Reads the alerts that fired, and counts them by rule and host."""

    def __init__(self, alerts: AlertRecords, fleet: Fleet, shell: Shell, clock: Clock) -> None:
        self._alerts, self._fleet, self._shell, self._clock = alerts, fleet, shell, clock

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        operation = Operation("alerts", AlertReportDocument, query=AlertReportQuery)
        return (
            self._shell.route(REPORT, self.show),
            Route(
                "GET",
                "/api/alerts/report",
                self.report,
                Access.VIEWER,
                Surface.JSON,
                operation=operation,
            ),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the report."""
        days = read_query(request.query, AlertReportQuery).days
        return await self._shell.page(
            request,
            REPORT,
            report=await self._document(days),
            days=days,
            ranges=RANGES,
            host_names={host.instance: host.name for host in (await self._fleet.view()).hosts},
        )

    async def report(self, request: web.Request) -> web.Response:
        """Count the alerts that fired in the last `days`, by rule and host, the noisiest first."""
        return json_response(await self._document(read_query(request.query, AlertReportQuery).days))

    async def _document(self, days: int) -> AlertReportDocument:
        now_ms = self._clock()
        since_ms = now_ms - days * _DAY_MS
        fired = await self._alerts.fired_since(since_ms)
        rules = grouped(fired, lambda each: each.labels.get("alertname") or each.rule, now_ms)
        hosts = grouped(fired, lambda each: each.labels.get("instance"), now_ms)
        return {
            "since_ms": since_ms,
            "until_ms": now_ms,
            "all": _statistics(statistics_of("", fired, now_ms)),
            "rules": list(map(_statistics, rules[:_MOST_ROWS])),
            "hosts": list(map(_statistics, hosts[:_MOST_ROWS])),
        }


def _statistics(found: AlertStatistics) -> AlertStatisticsDocument:
    return {
        "name": found.name,
        "fired": found.fired,
        "open": found.open,
        "acknowledged": found.acknowledged,
        "firing_s": found.firing_ms / 1000,
        "mtta_s": _seconds(found.mtta_ms),
        "mttr_s": _seconds(found.mttr_ms),
    }


def _seconds(length_ms: int | None) -> float | None:
    return None if length_ms is None else length_ms / 1000
