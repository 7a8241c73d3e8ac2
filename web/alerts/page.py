"""The alerts page (open, resolved, history, notifications) and the page of one alert."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from alerting.checks.kinds import KINDS_BY_RULE
from alerting.views import GroupView, RuleView
from model.clock import Clock
from storage.api.alerts import Alert, AlertRecords
from web.alerts.acknowledgement_forms import acknowledgement_of
from web.alerts.api import alert_name
from web.alerts.documents import fired_seconds, notified_status
from web.alerts.explanations import Explainer
from web.alerts.history.timeline import read_history
from web.alerts.history.value_chart import value_chart
from web.alerts.listing.open_alerts import (
    MOST_SHOWN,
    AlertListQuery,
    group_labels,
    listed,
    sections,
    severities,
)
from web.alerts.matched_alerts import holds_of, own_matchers
from web.fleet.fleet import Fleet
from web.fleet.hosts import FleetView
from web.fleet.receiver_tests import ReceiverTests
from web.http.audit_trail import note
from web.http.network import local_path
from web.http.pages import Page
from web.http.parameters import Paging, read_form, read_query, record_id
from web.http.routing import Access, Route, Surface, user_of
from web.http.viewing.texts import marked
from web.live.shell import PageAddress, Shell
from web.services import Alerting

VIEWS: Final = {
    "open": marked("Open"),
    "resolved": marked("Resolved"),
    "history": marked("History"),
    "notifications": marked("Notifications"),
}
_TIMELINE_LENGTH: Final = 200

ALERTS: Final = Page(
    path="/alerts",
    title="Alerts",
    template="alerts/page.html",
    position=20,
    badge="live/badge.html",
)
ALERT: Final = Page(
    path="/alerts/{id}", title="Alert", template="alerts/alert_page.html", parent="/alerts"
)


def failing_rules(groups: Sequence[GroupView]) -> list[tuple[GroupView, RuleView]]:
    """Return the rules whose last evaluation failed."""
    return [(group, rule) for group in groups for rule in group.rules if rule.health.error]


class AlertsPages:
    """Shows and acknowledges alerts, and tests receivers."""

    def __init__(
        self,
        alerts: AlertRecords,
        alerting: Alerting,
        fleet: Fleet,
        shell: Shell,
        explainer: Explainer,
        tests: ReceiverTests,
        clock: Clock,
    ) -> None:
        self._alerts, self._alerting, self._fleet, self._shell = alerts, alerting, fleet, shell
        self._explainer, self._tests, self._clock = explainer, tests, clock
        shell.add_region("alerts", "alerts/live.html", self._region, is_shared=True)

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            self._shell.route(ALERTS, self.show),
            Route(
                "POST",
                "/alerts/receivers/{name:[^/]+}/test",
                self.test_receiver,
                Access.EDITOR,
                Surface.PAGE,
            ),
            self._shell.route(ALERT, self.alert),
            Route(
                "POST", "/alerts/{id}/acknowledge", self.acknowledge, Access.EDITOR, Surface.PAGE
            ),
            Route(
                "POST",
                "/alerts/{id}/unacknowledge",
                self.unacknowledge,
                Access.EDITOR,
                Surface.PAGE,
            ),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show one of the four views."""
        return await self._shell.page(
            request, ALERTS, **await self._region(PageAddress.of(request))
        )

    async def _region(self, address: PageAddress) -> Mapping[str, Any]:
        view = address.query.get("view", "open")
        view = view if view in VIEWS else "open"
        page = read_query(address.query, Paging)
        fleet = await self._fleet.view()
        alerts = self._alerts
        values: dict[str, Any] = {
            "views": VIEWS,
            "view": view,
            "limit": page.limit,
            "open_count": len(fleet.alerts),
            "host_names": {host.instance: host.name for host in fleet.hosts},
            "receivers": self._alerting.receivers,
            "tests": self._tests.last,
            "failing": failing_rules(self._alerting.rules()),
            "held_by": {item.alert.id: item.suppressed_by for item in self._alerting.open_alerts()},
            "holds": {},
            "alerts": (),
            "transitions": (),
            "notifications": (),
        }
        match view:
            case "open":
                values |= self._open_alerts(address, fleet)
            case "resolved":
                values["alerts"] = await alerts.resolved(page.limit, page.before_id)
            case "history":
                values["transitions"] = await alerts.history(page.limit, page.before_id)
            case "notifications":
                sent = values["notifications"] = await alerts.notifications(
                    page.limit, page.before_id
                )
                ids = sorted({each.alert_id for each in sent if each.alert_id is not None})
                about = await asyncio.gather(*map(alerts.alert, ids))
                values["notified"] = {alert.id: alert for alert in about}
                values["statuses"] = {each.id: notified_status(each) for each in sent}
        return values

    def _open_alerts(self, address: PageAddress, fleet: FleetView) -> dict[str, Any]:
        """Return the open alerts that the query of the page asks for, in groups."""
        query = read_query(address.query, AlertListQuery)
        host_names = {host.instance: host.name for host in fleet.hosts}
        needs_holds = query.handled in ("nobody", "held")
        considered = fleet.alerts if needs_holds else ()
        holds = holds_of(self._alerting, considered, self._clock)
        found = listed(fleet.alerts, query, host_names, holds)
        shown = found[:MOST_SHOWN]
        if not needs_holds:
            holds = holds_of(self._alerting, shown, self._clock)
        return {
            "alerts": shown,
            "found_count": len(found),
            "list": query,
            "sections": sections(shown, query.group, host_names),
            "group_labels": group_labels(fleet.alerts),
            "severities": severities(fleet.alerts),
            "holds": holds,
            "here": f"/alerts?{urlencode(address.query)}" if address.query else "/alerts",
        }

    async def alert(self, request: web.Request) -> web.Response:
        """Show one alert with its rule and its history."""
        alert = await self._alerts.alert(record_id(request))
        fleet = await self._fleet.view()
        for each in self._alerting.open_alerts():
            # The record has the value of the last change of state.
            if each.alert.id == alert.id:
                alert = replace(alert, value=each.alert.value, annotations=each.alert.annotations)
        rule, held_by = self._explainer.rule_of(alert.id)
        history = await read_history(self._alerts, alert.id, _TIMELINE_LENGTH + 1)
        timeline = history.timeline()
        chart = value_chart(rule, alert, self._clock())
        return await self._shell.page(
            request,
            ALERT,
            alert=alert,
            rule=rule,
            chart=None if chart is None else chart.document(),
            unit=unit_of(alert),
            held_by=held_by,
            explanation=await self._explainer.of_alert(alert),
            matchers=own_matchers(alert.labels),
            runbook=runbook_url(alert),
            timeline=timeline[:_TIMELINE_LENGTH],
            is_cut=len(timeline) > _TIMELINE_LENGTH,
            fired_s=fired_seconds(alert, self._clock()),
            host_names={host.instance: host.name for host in fleet.hosts},
        )

    async def test_receiver(self, request: web.Request) -> web.Response:
        """Send a test notification to a receiver and show the result."""
        form = await read_form(request)
        await self._tests.run(request)
        # A redirect: the live page keeps the result, and a reload does not send again.
        raise web.HTTPSeeOther(local_path(form.get("next", "/alerts?view=notifications")))

    async def acknowledge(self, request: web.Request) -> web.Response:
        """Acknowledge an alert as the sender, and redirect back."""
        form = await read_form(request)
        terms = acknowledgement_of(form).terms(self._clock())
        user = user_of(request).name
        alert = await self._alerting.acknowledge(record_id(request), user, terms)
        note(request, "alert.acknowledge", alert_name(alert), id=str(alert.id))
        self._fleet.forget()
        raise web.HTTPSeeOther(local_path(form.get("next", "/alerts")))

    async def unacknowledge(self, request: web.Request) -> web.Response:
        """End the acknowledgement of an alert, and redirect to it."""
        alert = await self._alerting.unacknowledge(record_id(request))
        note(request, "alert.unacknowledge", alert_name(alert), id=str(alert.id))
        self._fleet.forget()
        raise web.HTTPSeeOther(f"/alerts/{alert.id}")


def unit_of(alert: Alert) -> str:
    """Return the unit of the value of a host check's alert, "" for any other alert."""
    kind = KINDS_BY_RULE.get(alert.rule)
    return "" if kind is None else kind.unit.value


def runbook_url(alert: Alert) -> str:
    """Return the URL of the alert's instructions, "" if it has none that a browser may open."""
    url = alert.annotations.get("runbook_url")
    return url if url.startswith(("http://", "https://")) else ""
