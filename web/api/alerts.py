"""`/api/alerts`, their history, acknowledgement, and `/api/notifications`."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from storage.api.alerts import Alert, AlertState
from web.answers import json_answer
from web.audit import note
from web.documents import alert_document, notification_document, transition_document
from web.errors import BadRequestError
from web.fleet import Fleet
from web.parameters import LARGEST_ID, read_integer
from web.routing import Access, Route, Surface, user_of
from web.services import Services

PAGE_LENGTH: Final = 100
LONGEST_PAGE: Final = 1000

_OPEN_STATES: Final = {
    "pending": AlertState.PENDING,
    "firing": AlertState.FIRING,
    "no_data": AlertState.NO_DATA,
}
STATES: Final = ("open", *_OPEN_STATES, "acknowledged", "resolved")


class AlertsApi:
    """Alerts as JSON."""

    def __init__(self, services: Services, fleet: Fleet) -> None:
        self._services, self._fleet = services, fleet

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return tuple(
            Route(method, path, handler, access, Surface.JSON)
            for method, path, handler, access in (
                ("GET", "/api/alerts", self.alerts, Access.VIEWER),
                ("GET", "/api/alerts/history", self.history, Access.VIEWER),
                ("GET", "/api/alerts/{id}", self.alert, Access.VIEWER),
                ("POST", "/api/alerts/{id}/acknowledge", self.acknowledge, Access.EDITOR),
                ("GET", "/api/notifications", self.notifications, Access.VIEWER),
                ("GET", "/api/receivers", self.receivers, Access.VIEWER),
                ("POST", "/api/receivers/{name:[^/]+}/test", self.test_receiver, Access.EDITOR),
            )
        )

    async def alerts(self, request: web.Request) -> web.Response:
        """List alerts by state, the open ones unless asked otherwise."""
        state = request.query.get("state", "open")
        limit, before_id = paging(request)
        found = await self._by_state(state, limit, before_id)
        return json_answer({"alerts": [alert_document(alert) for alert in found]})

    async def _by_state(self, state: str, limit: int, before_id: int | None) -> Sequence[Alert]:
        if state not in STATES:
            raise BadRequestError(f"state: must be one of {', '.join(STATES)}", "state")
        if state == "resolved":
            return await self._services.alerts.resolved(limit, before_id)
        alerts = [item.alert for item in self._services.alerting.open_alerts()]
        if state == "acknowledged":
            return [alert for alert in alerts if alert.acknowledged_by is not None]
        if state == "open":
            return alerts
        return [alert for alert in alerts if alert.state is _OPEN_STATES[state]]

    async def history(self, request: web.Request) -> web.Response:
        """List changes of state, newest first."""
        limit, before_id = paging(request)
        alert_id = read_integer(request.query, "alert_id", 0) or None
        found = await self._services.alerts.history(limit, before_id, alert_id)
        return json_answer({"transitions": [transition_document(each) for each in found]})

    async def alert(self, request: web.Request) -> web.Response:
        """Show one alert with its whole history."""
        alert = await self._services.alerts.alert(record_id(request))
        history = await self._services.alerts.history(LONGEST_PAGE, None, alert.id)
        document = alert_document(alert)
        document["transitions"] = [transition_document(each) for each in history]
        return json_answer(document)

    async def acknowledge(self, request: web.Request) -> web.Response:
        """Say that somebody is on it."""
        alert = await self._services.alerting.acknowledge(record_id(request), user_of(request).name)
        note(request, "alert.acknowledge", alert_name(alert), id=str(alert.id))
        self._fleet.forget()
        return json_answer(alert_document(alert))

    async def notifications(self, request: web.Request) -> web.Response:
        """List what was sent, or waits to be, newest first."""
        limit, before_id = paging(request)
        found = await self._services.alerts.notifications(limit, before_id)
        return json_answer({"notifications": [notification_document(each) for each in found]})

    async def receivers(self, request: web.Request) -> web.Response:
        """List who is told of alerts."""
        return json_answer(
            {
                "receivers": [
                    {"name": name, "type": kind} for name, kind in self._services.alerting.receivers
                ]
            }
        )

    async def test_receiver(self, request: web.Request) -> web.Response:
        """Send a receiver a notification that says it is a test."""
        await self._services.alerting.test_receiver(request.match_info["name"])
        note(request, "receiver.test", request.match_info["name"])
        return web.Response(status=204)


def alert_name(alert: Alert) -> str:
    """Return what people call an alert: `HighCpu db-1:9100`."""
    names = (alert.labels.get("alertname"), alert.labels.get("instance"))
    return " ".join(filter(None, names))


def paging(request: web.Request) -> tuple[int, int | None]:
    """Return the parameters `limit` and `before_id`.

    Raises:
        BadRequestError: one is no number, or out of range.
    """
    limit = read_integer(request.query, "limit", PAGE_LENGTH, high=LONGEST_PAGE)
    return limit, read_integer(request.query, "before_id", 0) or None


def record_id(request: web.Request) -> int:
    """Return the URL's record id.

    Raises:
        BadRequestError: it is no number.
    """
    return read_integer(request.match_info, "id", 0, high=LARGEST_ID)
