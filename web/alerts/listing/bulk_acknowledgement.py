"""Acknowledges many alerts at once: those that are ticked, or a whole group."""

from typing import Final

from aiohttp import web

from model.clock import Clock
from storage.api.errors import NotFoundError
from web.alerts.acknowledgement_forms import acknowledgement_of
from web.fleet.fleet import Fleet
from web.http.audit_trail import note
from web.http.errors import BadRequestError
from web.http.network import local_path
from web.http.parameters import form_fields, read_body
from web.http.routing import Access, Route, Surface, user_of
from web.services import Alerting

_MOST: Final = 1_000
_MOST_DIGITS: Final = 18


class BulkAcknowledgement:
    """Handles the forms of the list of alerts."""

    def __init__(self, alerting: Alerting, fleet: Fleet, clock: Clock) -> None:
        self._alerting, self._fleet, self._clock = alerting, fleet, clock

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        path = "/alerts/acknowledge"
        return (Route("POST", path, self.acknowledge, Access.EDITOR, Surface.PAGE),)

    async def acknowledge(self, request: web.Request) -> web.Response:
        """Acknowledge alerts as the sender, and redirect back; those that have ended are left.

        The form has the field `id` for each alert, or `ids` separated by commas.
        """
        fields = form_fields(await read_body(request))
        form = dict(fields)
        ids = _ids([value for name, value in fields if name in ("id", "ids")])
        terms = acknowledgement_of(form).terms(self._clock())
        user, count = user_of(request).name, 0
        for alert_id in ids:
            try:
                await self._alerting.acknowledge(alert_id, user, terms)
            except NotFoundError:
                continue
            count += 1
        note(request, "alert.acknowledge_many", f"{count} alerts", ids=",".join(map(str, ids[:50])))
        self._fleet.forget()
        raise web.HTTPSeeOther(local_path(form.get("next", "/alerts")))


def _ids(values: list[str]) -> list[int]:
    """Return the ids of a form, each once.

    Raises:
        BadRequestError: there is none, one is not a number, or there are too many.
    """
    texts = [text.strip() for value in values for text in value.split(",") if text.strip()]
    if any(not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS) for text in texts):
        raise BadRequestError("id: must be the number of an alert", "id")
    found = list(dict.fromkeys(map(int, texts)))
    if not found:
        raise BadRequestError("id: tick at least one alert", "id")
    if len(found) > _MOST:
        raise BadRequestError(f"id: at most {_MOST} alerts at once", "id")
    return found
