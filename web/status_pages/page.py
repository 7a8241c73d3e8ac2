"""The pages on which editors make status pages and write about incidents."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from alerting.checks.kinds import KINDS as CHECK_KINDS
from storage.api.errors import RecordError
from web.fleet.fleet import Fleet
from web.http.audit_trail import note
from web.http.pages import Page
from web.http.parameters import read_form, read_path
from web.http.routing import Access, Route, Surface, principal_of
from web.http.validation import field_errors
from web.live.shell import Shell
from web.services import Services
from web.status_pages.api import IncidentPath
from web.status_pages.board import StatusBoard, StoredPage
from web.status_pages.definition import StatusPage
from web.status_pages.form_fields import (
    KINDS,
    form_of,
    page_of,
    reference_field,
    rows_of,
    ticked_name,
)
from web.status_pages.incidents import IMPACTS, STATES, IncidentForm, Incidents, UpdateForm
from web.status_pages.references import References, UnknownReferenceError

PAGES: Final = Page(
    path="/status-pages",
    title="Status pages",
    template="status_pages/list.html",
    access=Access.EDITOR,
    position=44,
    notices={"deleted": "The status page is deleted, with its incidents and its history."},
)
NEW_PAGE: Final = Page(
    path="/status-pages/new",
    title="New status page",
    template="status_pages/edit.html",
    access=Access.EDITOR,
    parent="/status-pages",
)
EDIT_PAGE: Final = Page(
    path="/status-pages/{slug}",
    title="Status page",
    template="status_pages/edit.html",
    access=Access.EDITOR,
    parent="/status-pages",
    notices={
        "stored": "The status page is stored.",
        "incident": "The incident is on the page.",
    },
)
_YEAR_MS: Final = 365 * 86_400_000


class StatusPageEditor:
    """Lists, makes, changes and deletes status pages, and writes about incidents."""

    def __init__(self, board: StatusBoard, services: Services, fleet: Fleet, shell: Shell) -> None:
        self._board, self._incidents = board, Incidents(board)
        self._references = References(services, fleet, self._board.window)
        self._probes, self._fleet, self._shell = services.probes.library, fleet, shell

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        one, edit, page = "/status-pages/{slug}", Access.EDITOR, Surface.PAGE
        return (
            self._shell.route(PAGES, self.listed),
            self._shell.route(NEW_PAGE, self.new),
            Route("POST", "/status-pages/new", self.add, edit, page),
            self._shell.route(EDIT_PAGE, self.show),
            Route("POST", one, self.change, edit, page),
            Route("POST", f"{one}/delete", self.delete, edit, page),
            Route("POST", f"{one}/incidents", self.open, edit, page),
            Route("POST", f"{one}/incidents/{{id}}", self.update, edit, page),
        )

    async def listed(self, request: web.Request) -> web.Response:
        """List the status pages."""
        found = list((await self._board.pages()).values())
        return await self._shell.page(request, PAGES, pages=found)

    async def new(self, request: web.Request) -> web.Response:
        """Show the form of a new page."""
        return await self._form(request, NEW_PAGE, form_of(None))

    async def add(self, request: web.Request) -> web.Response:
        """Make a page."""
        return await self._put(request, NEW_PAGE, None)

    async def show(self, request: web.Request) -> web.Response:
        """Show a page's form and its incidents."""
        stored = await self._board.get(request.match_info["slug"])
        return await self._form(request, EDIT_PAGE, form_of(stored.page), stored=stored)

    async def change(self, request: web.Request) -> web.Response:
        """Change a page."""
        return await self._put(
            request, EDIT_PAGE, await self._board.get(request.match_info["slug"])
        )

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a page."""
        slug = request.match_info["slug"]
        await self._board.remove(slug)
        note(request, "status_page.remove", slug)
        raise web.HTTPSeeOther("/status-pages?notice=deleted")

    async def _put(
        self, request: web.Request, page: Page, before: StoredPage | None
    ) -> web.Response:
        given = await self._references.named_by_instance(await read_form(request))
        author = principal_of(request).name
        stored = None if before is None else before.page
        try:
            # In a thread: a time zone may be read from its file.
            changed = await asyncio.to_thread(StatusPage.model_validate, page_of(given, stored))
            await self._references.require_known(changed, stored)
            await self._board.put(changed, author, is_new=before is None)
        except ValidationError as exc:
            return await self._form(request, page, given, _problems(exc), before, 400)
        except UnknownReferenceError as exc:
            field = reference_field(given, exc.component) if exc.component else ""
            problems = {field: exc.reason}
            return await self._form(request, page, given, problems, before, 400)
        except RecordError as exc:
            field, _, message = str(exc).partition(": ")
            problems = {field: message} if message else {"": str(exc)}
            return await self._form(request, page, given, problems, before, 400)
        action = "status_page.add" if before is None else "status_page.change"
        note(request, action, changed.slug, title=changed.title)
        raise web.HTTPSeeOther(f"/status-pages/{changed.slug}?notice=stored")

    async def open(self, request: web.Request) -> web.Response:
        """Open an incident."""
        stored = await self._board.get(request.match_info["slug"])
        given = await read_form(request)
        slug = stored.page.slug
        names = ("title", "impact", "state", "text")
        values: dict[str, Any] = {name: given[name] for name in names if name in given}
        values["components"] = [
            one.id for one in stored.page.components if given.get(f"affects_{one.id}")
        ]
        try:
            form = IncidentForm.model_validate(values)
            opened = await self._incidents.open(slug, form, principal_of(request).name)
        except ValidationError as exc:
            return await self._again(request, stored, given, exc)
        note(request, "incident.open", f"{slug}/{opened.id}", title=opened.title)
        raise web.HTTPSeeOther(f"/status-pages/{slug}?notice=incident")

    async def update(self, request: web.Request) -> web.Response:
        """Add an update to an incident, or delete it."""
        path, given = read_path(request, IncidentPath), await read_form(request)
        stored = await self._board.get(path.slug)
        if given.get("action") == "delete":
            await self._incidents.remove(path.slug, path.id)
            note(request, "incident.remove", f"{path.slug}/{path.id}")
            raise web.HTTPSeeOther(f"/status-pages/{path.slug}")
        try:
            form = UpdateForm.model_validate(
                {name: given.get(name, "") for name in ("state", "text")}
            )
        except ValidationError as exc:
            return await self._again(request, stored, given, exc)
        await self._incidents.update(path.slug, path.id, form, principal_of(request).name)
        note(request, "incident.update", f"{path.slug}/{path.id}", state=form.state)
        raise web.HTTPSeeOther(f"/status-pages/{path.slug}?notice=incident")

    async def _again(
        self,
        request: web.Request,
        stored: StoredPage,
        given: Mapping[str, str],
        error: ValidationError,
    ) -> web.Response:
        """Return the page after a form of an incident that is wrong; its texts stay."""
        problems = {f"incident_{name}": text for name, text in field_errors(error).items()}
        shown = form_of(stored.page) | {f"incident_{name}": text for name, text in given.items()}
        return await self._form(request, EDIT_PAGE, shown, problems, stored, 400)

    async def _form(
        self,
        request: web.Request,
        page: Page,
        given: Mapping[str, str],
        problems: Mapping[str, str] | None = None,
        stored: StoredPage | None = None,
        status: int = 200,
    ) -> web.Response:
        incidents = []
        if stored is not None:
            since_ms = self._board.clock() - _YEAR_MS
            incidents = list(await self._board.records.incidents(stored.page.slug, since_ms))
        view = await self._fleet.view()
        probes = [each.definition.name for each in self._probes.entries()]
        return await self._shell.page(
            request,
            page,
            status,
            given=given,
            problems=problems or {},
            rows=rows_of(given),
            stored=stored,
            incidents=incidents,
            windows=self._board.windows(),
            probes=probes,
            hosts=view.hosts,
            checks=[(check.value, kind.title) for check, kind in CHECK_KINDS.items()],
            kinds=KINDS,
            # A new server has a host, but no probe yet.
            usual_kind="host" if view.hosts and not probes else "probe",
            impacts=IMPACTS,
            states=STATES,
            ticked_name=ticked_name,
        )


def _problems(error: ValidationError) -> dict[str, str]:
    """Return the message of each wrong field; those of components are of the whole form."""
    found: dict[str, str] = {}
    for name, message in field_errors(error).items():
        if "." in name or name in ("groups", "maintenance"):
            found[""] = f"{name}: {message}"
        else:
            found[name] = message
    return found
