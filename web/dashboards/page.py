"""The pages of dashboards: the list, and one dashboard, which its script draws."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web
from pydantic import ConfigDict, ValidationError

from model.base_models import DeferredModel
from web.dashboards.definition import Dashboard, PanelKind
from web.dashboards.documents import dashboard_entry
from web.dashboards.forms import DashboardPath
from web.dashboards.library import DashboardLibrary
from web.dashboards.parts import Uid
from web.http.audit_trail import note
from web.http.pages import Page
from web.http.parameters import read_form, read_path
from web.http.routing import Access, Route, Surface, principal_of
from web.http.validation import field_errors
from web.live.shell import Shell

DASHBOARDS: Final = Page(
    path="/dashboards", title="Dashboards", template="dashboards/list.html", position=15
)
DASHBOARD: Final = Page(
    path="/dashboards/{uid}",
    title="Dashboard",
    template="dashboards/dashboard.html",
    parent="/dashboards",
)


def rendered_texts(dashboard: Dashboard) -> dict[str, str]:
    """Return the HTML of the dashboard's text panels, by their Markdown."""
    texts = {panel.text for panel in dashboard.panels if panel.kind is PanelKind.TEXT}
    if not texts:
        return {}
    # Loaded with the first text panel.
    from web.dashboards.markdown import rendered_markdown

    return {text: rendered_markdown(text) for text in texts}


_REFRESH: Final = "30s"
"""How often a new dashboard asks again, as the shipped ones do."""


class _NewDashboardFields(DeferredModel):
    """The fields of the form for an empty dashboard."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: str = ""
    uid: Uid | None = None


class DashboardPages:
    """Shows the list of dashboards, and one dashboard."""

    def __init__(self, library: DashboardLibrary, shell: Shell) -> None:
        self._library, self._shell = library, shell

    def routes(self) -> tuple[Route, ...]:
        """Return the routes; `/d/` is where Grafana has its dashboards."""
        viewer, page = Access.VIEWER, Surface.PAGE
        return (
            self._shell.route(DASHBOARDS, self.listed),
            Route("POST", "/dashboards", self.create, Access.EDITOR, page),
            self._shell.route(DASHBOARD, self.show),
            Route("GET", "/d/{uid}", self.redirect, viewer, page),
            Route("GET", "/d/{uid}/{name}", self.redirect, viewer, page),
        )

    async def listed(self, request: web.Request) -> web.Response:
        """Show the dashboards whose title or tag contains the words of the search."""
        return await self._list(request)

    async def _list(
        self, request: web.Request, status: int = 200, problems: Mapping[str, str] | None = None
    ) -> web.Response:
        search = request.query.get("q", "").strip()[:200]
        words = search.casefold().split()
        found = await self._library.all()
        shown = [
            dashboard_entry(one, shipped=shipped)
            for one, shipped in found
            if all(word in f"{one.title} {' '.join(one.tags)}".casefold() for word in words)
        ]
        return await self._shell.page(
            request,
            DASHBOARDS,
            status,
            dashboards=shown,
            total=len(found),
            search=search,
            problems=problems or {},
        )

    async def create(self, request: web.Request) -> web.Response:
        """Make an empty dashboard and open it for editing."""
        try:
            fields = _NewDashboardFields.model_validate(await read_form(request))
            dashboard = Dashboard(title=fields.title, refresh=_REFRESH)
        except ValidationError as exc:
            return await self._list(request, 400, field_errors(exc))
        added = await self._library.add(dashboard, principal_of(request).name, "", fields.uid)
        note(request, "dashboard.add", added.uid, title=added.title)
        raise web.HTTPSeeOther(f"/dashboards/{added.uid}?edit")

    async def show(self, request: web.Request) -> web.Response:
        """Show a dashboard; its script draws the panels."""
        uid = read_path(request, DashboardPath).uid
        summary, dashboard, shipped = await self._library.get(uid)
        texts = await asyncio.to_thread(rendered_texts, dashboard)
        return await self._shell.page(
            request,
            DASHBOARD,
            texts=texts,
            is_edited="edit" in request.query,
            entry=dashboard_entry(summary, shipped=shipped),
            definition=dashboard.model_dump(mode="json"),
        )

    async def redirect(self, request: web.Request) -> web.Response:
        """Redirect from the address that the dashboard has in Grafana."""
        query: Any = f"?{request.query_string}" if request.query_string else ""
        uid = quote(request.match_info["uid"], safe="")
        raise web.HTTPSeeOther(f"/dashboards/{uid}{query}")
