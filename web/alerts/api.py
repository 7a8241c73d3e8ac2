"""`/api/alerts`, `/api/notifications` and `/api/receivers`."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from aiohttp import web
from pydantic import Field

from model.clock import Clock
from storage.api.alerts import Alert, AlertRecords, AlertState
from web.alerts.acknowledgement_forms import AcknowledgementForm, read_acknowledgement
from web.alerts.documents import (
    AlertsDocument,
    AlertWithHistoryDocument,
    NotificationsDocument,
    ReceiversDocument,
    TransitionsDocument,
    fired_seconds,
    hold_document,
    notification_document,
    transition_document,
)
from web.alerts.history.timeline import read_history
from web.fleet.documents import AlertDocument, alert_document
from web.fleet.fleet import Fleet
from web.http.audit_trail import note
from web.http.operations import Operation
from web.http.parameters import Paging, RecordId, RecordPath, read_query, record_id
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes, user_of
from web.services import Alerting

_LONGEST_HISTORY: Final = 1000

_OPEN_STATES: Final = {
    "pending": AlertState.PENDING,
    "firing": AlertState.FIRING,
    "no_data": AlertState.NO_DATA,
}


class AlertsQuery(Paging):
    """The state of the alerts to list; only resolved alerts are paged."""

    state: Literal["open", "pending", "firing", "no_data", "acknowledged", "resolved"] = "open"


class HistoryQuery(Paging):
    """The changes of state to list: of one alert or of all."""

    alert_id: RecordId | None = None


class NotificationsQuery(Paging):
    """The notifications to list: about one alert or to one receiver, or all."""

    alert_id: RecordId | None = None
    receiver: Annotated[str, Field(max_length=200)] = ""


class AlertsApi:
    """Alerts as JSON."""

    def __init__(
        self, alerts: AlertRecords, alerting: Alerting, fleet: Fleet, clock: Clock
    ) -> None:
        self._alerts, self._alerting, self._fleet = alerts, alerting, fleet
        self._clock = clock

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        tag = "alerts"
        found = Operation(tag, AlertsDocument, query=AlertsQuery)
        history = Operation(tag, TransitionsDocument, query=HistoryQuery)
        one = Operation(tag, AlertWithHistoryDocument, path=RecordPath, errors=(404,))
        acknowledged = Operation(
            tag, AlertDocument, AcknowledgementForm | None, path=RecordPath, errors=(404,)
        )
        freed = Operation(tag, AlertDocument, path=RecordPath, errors=(404,))
        sent = Operation(tag, NotificationsDocument, query=NotificationsQuery)
        receivers = Operation(tag, ReceiversDocument)
        test = Operation(tag, status=204, errors=(404, 502))
        return json_routes(
            ("GET", "/api/alerts", self.alerts, Access.VIEWER, found),
            ("GET", "/api/alerts/history", self.history, Access.VIEWER, history),
            ("GET", "/api/alerts/{id}", self.alert, Access.VIEWER, one),
            (
                "POST",
                "/api/alerts/{id}/acknowledge",
                self.acknowledge,
                Access.EDITOR,
                acknowledged,
            ),
            (
                "DELETE",
                "/api/alerts/{id}/acknowledge",
                self.unacknowledge,
                Access.EDITOR,
                freed,
            ),
            ("GET", "/api/notifications", self.notifications, Access.VIEWER, sent),
            ("GET", "/api/receivers", self.receivers, Access.VIEWER, receivers),
            (
                "POST",
                "/api/receivers/{name:[^/]+}/test",
                self.test_receiver,
                Access.EDITOR,
                test,
            ),
        )

    async def alerts(self, request: web.Request) -> web.Response:
        """List alerts of a state, by default the open ones."""
        query = read_query(request.query, AlertsQuery)
        found = await self._by_state(query)
        return json_response({"alerts": [alert_document(alert) for alert in found]})

    async def _by_state(self, query: AlertsQuery) -> Sequence[Alert]:
        state = query.state
        if state == "resolved":
            return await self._alerts.resolved(query.limit, query.before_id)
        alerts = [item.alert for item in self._alerting.open_alerts()]
        if state == "acknowledged":
            return [alert for alert in alerts if alert.acknowledged_by is not None]
        if state == "open":
            return alerts
        return [alert for alert in alerts if alert.state is _OPEN_STATES[state]]

    async def history(self, request: web.Request) -> web.Response:
        """List changes of state, newest first."""
        query = read_query(request.query, HistoryQuery)
        found = await self._alerts.history(query.limit, query.before_id, query.alert_id)
        return json_response({"transitions": [transition_document(each) for each in found]})

    async def alert(self, request: web.Request) -> web.Response:
        """Show one alert with its whole history."""
        alert = await self._alerts.alert(record_id(request))
        history = await read_history(self._alerts, alert.id, _LONGEST_HISTORY)
        document: AlertWithHistoryDocument = {
            **alert_document(alert),
            "fired_s": fired_seconds(alert, self._clock()),
            "transitions": list(map(transition_document, history.transitions)),
            "notifications": list(map(notification_document, history.notifications)),
            "holds": list(map(hold_document, history.holds)),
        }
        return json_response(document)

    async def acknowledge(self, request: web.Request) -> web.Response:
        """Acknowledge an open alert as the sender; the body has the terms, and may be empty."""
        terms = (await read_acknowledgement(request)).terms(self._clock())
        user = user_of(request).name
        alert = await self._alerting.acknowledge(record_id(request), user, terms)
        note(request, "alert.acknowledge", alert_name(alert), id=str(alert.id))
        self._fleet.forget()
        return json_response(alert_document(alert))

    async def unacknowledge(self, request: web.Request) -> web.Response:
        """End the acknowledgement of an alert."""
        alert = await self._alerting.unacknowledge(record_id(request))
        note(request, "alert.unacknowledge", alert_name(alert), id=str(alert.id))
        self._fleet.forget()
        return json_response(alert_document(alert))

    async def notifications(self, request: web.Request) -> web.Response:
        """List sent and waiting notifications, newest first."""
        query = read_query(request.query, NotificationsQuery)
        found = await self._alerts.notifications(
            query.limit,
            query.before_id,
            alert_id=query.alert_id,
            receiver=query.receiver or None,
        )
        return json_response({"notifications": [notification_document(each) for each in found]})

    async def receivers(self, request: web.Request) -> web.Response:
        """List the receivers of notifications."""
        return json_response(
            {"receivers": [{"name": name, "type": kind} for name, kind in self._alerting.receivers]}
        )

    async def test_receiver(self, request: web.Request) -> web.Response:
        """Send a test notification to a receiver."""
        await self._alerting.test_receiver(request.match_info["name"])
        note(request, "receiver.test", request.match_info["name"])
        return web.Response(status=204)


def alert_name(alert: Alert) -> str:
    """Return the name of an alert for people: `HighCpu db-1:9100`."""
    names = (alert.labels.get("alertname"), alert.labels.get("instance"))
    return " ".join(filter(None, names))
