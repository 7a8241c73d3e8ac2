"""`/api/dashboards`: viewers read, editors change; Grafana's JSON in and out."""

import asyncio
from typing import Any, Final

from aiohttp import web

from storage.api.dashboards.stored import DashboardSummary
from web.dashboards.definition import Dashboard
from web.dashboards.documents import (
    DashboardDocument,
    DashboardEntry,
    DashboardVersionEntry,
    ImportedDashboard,
    RenderedText,
    dashboard_entry,
    unsupported_parts,
    version_entry,
)
from web.dashboards.forms import (
    DashboardChangeForm,
    DashboardPath,
    DashboardVersionPath,
    DuplicateForm,
    GrafanaForm,
    GrafanaImportQuery,
    MarkdownForm,
    NewDashboardForm,
    RestoreForm,
)
from web.dashboards.library import DashboardLibrary
from web.http.audit_trail import note
from web.http.operations import Operation
from web.http.parameters import read_json, read_json_object, read_path, read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes, principal_of

_TAG: Final = "dashboards"
# The largest public dashboard that we know has 0.5 MB.
LARGEST_BYTES: Final = 2 * 2**20


class DashboardsApi:
    """Dashboards as JSON. A change names the version that it starts from."""

    def __init__(self, library: DashboardLibrary) -> None:
        self._library = library

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        path, one = "/api/dashboards", "/api/dashboards/{uid}"
        at, entry, full = DashboardPath, DashboardEntry, DashboardDocument
        errors = (400, 404, 409)
        add = Operation(_TAG, entry, NewDashboardForm, status=201, errors=(409,))
        change = Operation(_TAG, entry, DashboardChangeForm, path=at, errors=errors)
        remove = Operation(_TAG, path=at, status=204, errors=errors)
        copy = Operation(_TAG, entry, DuplicateForm, path=at, status=201, errors=errors)
        restore = Operation(_TAG, entry, RestoreForm, path=at, errors=errors)
        taken = Operation(
            _TAG, ImportedDashboard, GrafanaForm, GrafanaImportQuery, status=201, errors=(409,)
        )
        history = Operation(_TAG, list[DashboardVersionEntry], path=at, errors=(400, 404))
        version = Operation(_TAG, Dashboard, path=DashboardVersionPath, errors=(400, 404))
        given = Operation(_TAG, dict[str, Any], path=at, errors=(400, 404))
        text = Operation(_TAG, RenderedText, MarkdownForm)
        viewer, editor = Access.VIEWER, Access.EDITOR
        return json_routes(
            ("GET", path, self.listed, viewer, Operation(_TAG, list[DashboardEntry])),
            ("POST", path, self.add, editor, add),
            ("POST", f"{path}/import", self.take_grafana, editor, taken),
            ("POST", f"{path}/text", self.render_text, viewer, text),
            ("GET", one, self.show, viewer, Operation(_TAG, full, path=at, errors=(400, 404))),
            ("PUT", one, self.change, editor, change),
            ("DELETE", one, self.remove, editor, remove),
            ("POST", f"{one}/duplicate", self.duplicate, editor, copy),
            ("POST", f"{one}/restore", self.restore, editor, restore),
            ("GET", f"{one}/versions", self.history, viewer, history),
            ("GET", f"{one}/versions/{{version}}", self.version, viewer, version),
            ("GET", f"{one}/grafana", self.give_grafana, viewer, given),
            body_limit_bytes=LARGEST_BYTES,
        )

    async def listed(self, request: web.Request) -> web.Response:
        """List all dashboards by title, without their definitions."""
        found = await self._library.all()
        return json_response([dashboard_entry(one, shipped=shipped) for one, shipped in found])

    async def add(self, request: web.Request) -> web.Response:
        """Make a dashboard."""
        form = await read_json(request, NewDashboardForm)
        author = principal_of(request).name
        added = await self._library.add(form.dashboard, author, form.message, form.uid)
        return _changed(request, "dashboard.add", added, 201)

    async def show(self, request: web.Request) -> web.Response:
        """Return a dashboard with its definition."""
        summary, dashboard, shipped = await self._library.get(_uid(request))
        definition = dashboard.model_dump(mode="json")
        return json_response({**dashboard_entry(summary, shipped=shipped), "dashboard": definition})

    async def change(self, request: web.Request) -> web.Response:
        """Store a new version; 409 if `version` is not the newest one."""
        form = await read_json(request, DashboardChangeForm)
        author = principal_of(request).name
        changed = await self._library.change(
            _uid(request), form.version, form.dashboard, author, form.message
        )
        return _changed(request, "dashboard.change", changed)

    async def remove(self, request: web.Request) -> web.Response:
        """Delete a dashboard and its history."""
        uid = _uid(request)
        await self._library.remove(uid)
        note(request, "dashboard.remove", uid)
        return web.Response(status=204)

    async def duplicate(self, request: web.Request) -> web.Response:
        """Store a copy under a new uid."""
        form = await read_json(request, DuplicateForm)
        author = principal_of(request).name
        added = await self._library.duplicate(_uid(request), form.title, author)
        return _changed(request, "dashboard.add", added, 201)

    async def history(self, request: web.Request) -> web.Response:
        """List the kept versions, the newest first."""
        found = await self._library.history(_uid(request))
        return json_response([version_entry(each) for each in found])

    async def version(self, request: web.Request) -> web.Response:
        """Return the definition of a kept version."""
        path = read_path(request, DashboardVersionPath)
        dashboard = await self._library.version(path.uid, path.version)
        return json_response(dashboard.model_dump(mode="json"))

    async def restore(self, request: web.Request) -> web.Response:
        """Make a kept version the newest one again; the versions between stay."""
        uid, form = _uid(request), await read_json(request, RestoreForm)
        dashboard = await self._library.version(uid, form.restore)
        author, message = principal_of(request).name, f"version {form.restore} again"
        changed = await self._library.change(uid, form.version, dashboard, author, message)
        return _changed(request, "dashboard.change", changed)

    async def take_grafana(self, request: web.Request) -> web.Response:
        """Import Grafana's JSON; what is not drawn is listed by panel."""
        # Loaded with the first import: hundreds of validators that few servers need.
        from web.dashboards.grafana.reading import dashboard_of_grafana

        query = read_query(request.query, GrafanaImportQuery)
        data = await read_json_object(request)
        dashboard, given = await asyncio.to_thread(dashboard_of_grafana, data)
        uid = None
        if given:
            uid = DashboardPath.model_validate({"uid": given}).uid
        author, message = principal_of(request).name, "imported from Grafana"
        if query.overwrite and uid is not None and await self._is_stored(uid):
            newest, _, _ = await self._library.get(uid)
            stored = await self._library.change(uid, newest.version, dashboard, author, message)
        else:
            stored = await self._library.add(dashboard, author, message, uid)
        note(request, "dashboard.add", stored.uid, title=stored.title)
        return json_response(
            {**dashboard_entry(stored), "unsupported": unsupported_parts(dashboard)}, 201
        )

    async def _is_stored(self, uid: str) -> bool:
        return any(one.uid == uid and not shipped for one, shipped in await self._library.all())

    async def render_text(self, request: web.Request) -> web.Response:
        """Return the HTML of a text panel's Markdown."""
        # Loaded with the first text panel.
        from web.dashboards.markdown import rendered_markdown

        form = await read_json(request, MarkdownForm)
        return json_response({"html": await asyncio.to_thread(rendered_markdown, form.text)})

    async def give_grafana(self, request: web.Request) -> web.Response:
        """Return a dashboard as Grafana's JSON."""
        from web.dashboards.grafana.writing import grafana_of

        summary, dashboard, _ = await self._library.get(_uid(request))
        return json_response(grafana_of(dashboard, summary.uid, summary.version))


def _uid(request: web.Request) -> str:
    return read_path(request, DashboardPath).uid


def _changed(
    request: web.Request, action: str, summary: DashboardSummary, status: int = 200
) -> web.Response:
    note(request, action, summary.uid, title=summary.title, version=str(summary.version))
    return json_response(dashboard_entry(summary), status)
