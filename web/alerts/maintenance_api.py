"""`/api/maintenance`: the maintenance windows."""

import asyncio
from typing import Any, Final

from aiohttp import web
from typing_extensions import TypedDict

from alerting.routing.silence_changes import expired, problem_of
from alerting.routing.silences import Silence, SilenceState
from alerting.routing.window_times import end_of_windows, start_of_windows
from model.base_models import DeferredModel
from model.clock import Clock
from web.alerts.maintenance_forms import NO_END_MS, MaintenanceForm, window_fields
from web.http.audit_trail import note
from web.http.errors import BadRequestError, MissingError
from web.http.operations import Operation
from web.http.parameters import read_body
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes, user_of
from web.services import Alerting

_FIELDS: Final = {"ends": "ends_ms", "matchers": "matchers"}


class MaintenancePath(DeferredModel):
    """The id of a maintenance window in a path."""

    uuid: str


class MaintenanceDocument(TypedDict):
    """A maintenance window.

    `from` and `to` are times of day in `time_zone`, null for a window that does not recur;
    `ends_ms` is null for one without an end. `open` says whether it holds alerts back now, and
    `changes_ms` when that changes next, null for not within a year.
    """

    id: str
    title: str
    author: str
    matchers: str
    when: dict[str, Any]
    starts_ms: int
    ends_ms: int | None
    state: str
    open: bool
    changes_ms: int | None


class MaintenanceWindowsDocument(TypedDict):
    """The maintenance windows, those that have ended last."""

    windows: list[MaintenanceDocument]


class MaintenanceWindows:
    """The maintenance windows among the silences."""

    def __init__(self, alerting: Alerting, clock: Clock) -> None:
        self._router, self.clock = alerting.router, clock

    def all(self) -> list[Silence]:
        """Return the windows, those that have ended last."""
        now_ms = self.clock()
        found = [each for each in self._router.dispatcher.silences.all() if each.is_maintenance]
        return sorted(found, key=lambda each: (each.ends_ms <= now_ms, each.comment, each.id))

    def known(self, window_id: str) -> Silence:
        """Return a window.

        Raises:
            MissingError: there is none with this id.
        """
        found = self._router.dispatcher.silences.get(window_id)
        if found is None or not found.is_maintenance:
            raise MissingError(f"there is no maintenance window {window_id}")
        return found

    async def put(
        self, request: web.Request, form: MaintenanceForm, before: Silence | None = None
    ) -> Silence:
        """Store a new window, or another description of one.

        Raises:
            BadRequestError: the window has ended, or matches everything.
        """
        now_ms = self.clock()
        # In a thread: a time zone may be read from its file.
        window = await asyncio.to_thread(form.silence, now_ms, user_of(request).name, before)
        problem = problem_of(window, now_ms)
        if problem is not None:
            field, reason = problem
            raise BadRequestError(f"{_FIELDS[field]}: {reason}", _FIELDS[field])
        await self._router.put_silences([window])
        note(request, "maintenance.put", window.id, title=window.comment[:200])
        return window

    async def end(self, request: web.Request, window: Silence) -> None:
        """End a window for good."""
        now_ms = self.clock()
        if window.state(now_ms) is not SilenceState.EXPIRED:
            await self._router.put_silences([expired(window, now_ms)])
        note(request, "maintenance.end", window.id)


class MaintenanceApi:
    """Maintenance windows as JSON."""

    def __init__(self, windows: MaintenanceWindows) -> None:
        self._windows = windows

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        tag, path = "alerts", "/api/maintenance"
        one = f"{path}/{{uuid}}"
        listing = Operation(tag, MaintenanceWindowsDocument)
        add = Operation(tag, MaintenanceDocument, MaintenanceForm, status=201)
        change = Operation(
            tag, MaintenanceDocument, MaintenanceForm, path=MaintenancePath, errors=(404,)
        )
        end = Operation(tag, status=204, path=MaintenancePath, errors=(404,))
        return json_routes(
            ("GET", path, self.listed, Access.VIEWER, listing),
            ("POST", path, self.add, Access.EDITOR, add),
            ("PUT", one, self.change, Access.EDITOR, change),
            ("DELETE", one, self.end, Access.EDITOR, end),
        )

    async def listed(self, request: web.Request) -> web.Response:
        """List the maintenance windows."""
        now_ms = self._windows.clock()
        found = [maintenance_document(each, now_ms) for each in self._windows.all()]
        return json_response({"windows": found})

    async def add(self, request: web.Request) -> web.Response:
        """Add a maintenance window."""
        window = await self._windows.put(request, await _read_form(request))
        return json_response(maintenance_document(window, self._windows.clock()), 201)

    async def change(self, request: web.Request) -> web.Response:
        """Describe a maintenance window anew."""
        before = self._windows.known(request.match_info["uuid"])
        form = await _read_form(request)
        window = await self._windows.put(request, form, before)
        return json_response(maintenance_document(window, self._windows.clock()))

    async def end(self, request: web.Request) -> web.Response:
        """End a maintenance window for good."""
        await self._windows.end(request, self._windows.known(request.match_info["uuid"]))
        return web.Response(status=204)


async def _read_form(request: web.Request) -> MaintenanceForm:
    """Return the body; in a thread, because a time zone may be read from its file."""
    return await asyncio.to_thread(MaintenanceForm.model_validate_json, await read_body(request))


def maintenance_document(window: Silence, now_ms: int) -> MaintenanceDocument:
    """Return a maintenance window."""
    fields = window_fields(window)
    names = ("time_zone", "from", "to", "weekdays", "days_of_month")
    return {
        "id": window.id,
        "title": window.comment,
        "author": window.created_by,
        "matchers": fields["matchers"],
        "when": {name: fields[name] for name in names},
        "starts_ms": window.starts_ms,
        "ends_ms": fields["ends_ms"],
        "state": window.state(now_ms).value,
        "open": window.holds(now_ms),
        "changes_ms": next_change_ms(window, now_ms),
    }


def next_change_ms(window: Silence, now_ms: int) -> int | None:
    """Return when a window opens or closes next, None for never or not within a year."""
    match window.state(now_ms):
        case SilenceState.EXPIRED:
            return None
        case SilenceState.PENDING:
            from_ms = window.starts_ms
            if window.holds(from_ms):
                return from_ms
        case _:
            from_ms = now_ms
    if window.holds(from_ms):
        ends_ms = end_of_windows(window.windows, from_ms)
        found = window.ends_ms if ends_ms is None else min(ends_ms, window.ends_ms)
        return None if found >= NO_END_MS else found
    starts_ms = start_of_windows(window.windows, from_ms)
    return starts_ms if starts_ms is not None and starts_ms < window.ends_ms else None
