"""The pages of maintenance windows."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from alerting.routing.silences import Silence
from web.alerts.maintenance_api import MaintenanceWindows, maintenance_document
from web.alerts.maintenance_forms import DAYS, MaintenanceForm, window_fields
from web.alerts.previewed_form import PreviewedForm
from web.alerts.silence_forms import moment_text, read_moment
from web.http.errors import BadRequestError
from web.http.pages import Page
from web.http.parameters import read_form
from web.http.routing import Access, Route, Surface
from web.http.validation import field_errors
from web.live.shell import Shell
from web.services import Alerting

MAINTENANCE: Final = Page(
    path="/maintenance",
    title="Maintenance",
    template="alerts/maintenance_page.html",
    parent="/alerts",
    notices={
        "put": "The maintenance window is stored.",
        "ended": "The maintenance window has ended for good.",
    },
)
NEW_WINDOW: Final = Page(
    path="/maintenance/new",
    title="New maintenance window",
    template="alerts/maintenance_form.html",
    access=Access.EDITOR,
    parent="/alerts",
)
WINDOW: Final = Page(
    path="/maintenance/{uuid}/edit",
    title="Change a maintenance window",
    template="alerts/maintenance_form.html",
    access=Access.EDITOR,
    parent="/alerts",
)


class MaintenancePages:
    """Lists, adds, changes and ends maintenance windows."""

    def __init__(self, windows: MaintenanceWindows, alerting: Alerting, shell: Shell) -> None:
        self._windows, self._shell = windows, shell
        self._form = PreviewedForm(alerting, shell, {"days": (*DAYS[1:], DAYS[0])})

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        one = "/maintenance/{uuid}"
        return (
            self._shell.route(MAINTENANCE, self.show),
            self._shell.route(NEW_WINDOW, self.new),
            Route("POST", "/maintenance", self.add, Access.EDITOR, Surface.PAGE),
            self._shell.route(WINDOW, self.edit),
            Route("POST", f"{one}/edit", self.change, Access.EDITOR, Surface.PAGE),
            Route("POST", f"{one}/end", self.end, Access.EDITOR, Surface.PAGE),
        )

    async def show(self, request: web.Request) -> web.Response:
        """List the maintenance windows."""
        now_ms = self._windows.clock()
        found = [maintenance_document(each, now_ms) for each in self._windows.all()]
        return await self._shell.page(request, MAINTENANCE, windows=found)

    async def new(self, request: web.Request) -> web.Response:
        """Show the form of a new window; its query fills the fields."""
        given = {"from": "22:00", "to": "02:00", "time_zone": "UTC", **request.query}
        return await self._form.page(request, NEW_WINDOW, "/maintenance", given, {})

    async def add(self, request: web.Request) -> web.Response:
        """Add a window."""
        return await self._put(request, NEW_WINDOW, "/maintenance", None)

    async def edit(self, request: web.Request) -> web.Response:
        """Show the form of a window that is to be changed."""
        window = self._windows.known(request.match_info["uuid"])
        given = form_texts(window) | dict(request.query)
        return await self._form.page(request, WINDOW, f"/maintenance/{window.id}/edit", given, {})

    async def change(self, request: web.Request) -> web.Response:
        """Change a window."""
        window = self._windows.known(request.match_info["uuid"])
        return await self._put(request, WINDOW, f"/maintenance/{window.id}/edit", window)

    async def end(self, request: web.Request) -> web.Response:
        """End a window for good."""
        await self._windows.end(request, self._windows.known(request.match_info["uuid"]))
        raise web.HTTPSeeOther("/maintenance?notice=ended")

    async def _put(
        self, request: web.Request, page: Page, action: str, before: Silence | None
    ) -> web.Response:
        given = await read_form(request)
        try:
            values = form_values(given)
            form = await asyncio.to_thread(MaintenanceForm.model_validate, values)
            await self._windows.put(request, form, before)
        except ValidationError as exc:
            return await self._form.page(request, page, action, given, _problems(exc), 400)
        except BadRequestError as exc:
            field = exc.field or ""
            problems = {field: exc.message.removeprefix(f"{field}: ")}
            return await self._form.page(request, page, action, given, problems, 400)
        raise web.HTTPSeeOther("/maintenance?notice=put")


def form_values(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of a form as `MaintenanceForm` takes them.

    Raises:
        BadRequestError: a time is malformed; the error names its field.
    """
    names = ("title", "matchers", "time_zone", "from", "to")
    values: dict[str, Any] = {name: given[name].strip() for name in names if given.get(name)}
    values.setdefault("title", "")
    values["weekdays"] = [day for day in DAYS if given.get(f"on_{day}")]
    if given.get("days_of_month", "").strip():
        values["days_of_month"] = given["days_of_month"].replace("to", ",").split(",")
    for name in ("starts_ms", "ends_ms"):
        if given.get(name, "").strip():
            values[name] = read_moment(given[name], name)
    return values


def form_texts(window: Silence) -> dict[str, str]:
    """Return the fields of a window as the texts of its form."""
    fields = window_fields(window)
    names = ("title", "matchers", "time_zone", "from", "to")
    texts = {name: fields[name] or "" for name in names}
    texts |= {f"on_{day}": "on" for day in fields["weekdays"]}
    if fields["days_of_month"]:
        texts["days_of_month"] = ", ".join(map(str, fields["days_of_month"]))
    texts["starts_ms"] = moment_text(window.starts_ms)
    texts["ends_ms"] = moment_text(fields["ends_ms"]) if fields["ends_ms"] else ""
    return texts


def _problems(error: ValidationError) -> dict[str, str]:
    """Return the message of each wrong field; one of the whole form begins with its field."""
    found: dict[str, str] = {}
    for name, message in field_errors(error).items():
        field, mark, reason = message.partition(": ")
        if not name and mark and field.isidentifier():
            found[field] = reason
        else:
            found[name.split(".")[0]] = message
    return found
