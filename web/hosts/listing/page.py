"""The hosts page: the fleet table, live."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from web.fleet.first_steps import FirstSteps
from web.fleet.fleet import Fleet
from web.hosts.checks import Levels
from web.hosts.listing.columns import COLUMNS
from web.hosts.listing.fleet_table import TableState, count_hosts, group_labels
from web.hosts.listing.rows import HostRows
from web.hosts.listing.views_page import HostViewPages
from web.http.pages import Page
from web.http.rendering import Renderer
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface, principal_of, wants_json
from web.live.shell import PageAddress, Shell
from web.services import Services

HOSTS: Final = Page(
    path="/",
    title="Hosts",
    template="hosts/page.html",
    position=10,
    notices={
        "receiver-added": "The receiver is added. Send it a test.",
        "host-removed": "The host is removed. Its samples stay until retention drops them.",
        "hosts-removed": "The hosts are removed. Their samples stay until retention drops them.",
        "hosts-silenced": "The alerts of these hosts are silenced; see Silences.",
        "hosts-tagged": "The hosts are tagged.",
        "view-removed": "The view is removed.",
    },
)


class HostsPages:
    """Shows all hosts in one table."""

    def __init__(
        self,
        services: Services,
        fleet: Fleet,
        shell: Shell,
        renderer: Renderer,
        views: HostViewPages,
        first_steps: FirstSteps,
    ) -> None:
        self._services, self._fleet, self._shell = services, fleet, shell
        self._views, self._first_steps = views, first_steps
        self._rows = HostRows(renderer)
        shell.add_region("hosts", "hosts/live.html", self._region, is_shared=True)

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            self._shell.route(HOSTS, self.show, open_as_json=True),
            Route("GET", "/dashboard", self.show, Access.VIEWER, Surface.PAGE),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the table, or describe the server to a client that asks for JSON."""
        if wants_json(request):
            return json_response(
                {
                    "name": "Redshank",
                    "version": self._services.version,
                    "health": "/health",
                    "prometheus": "/api/v1",
                    "metrics": "/metrics",
                }
            )
        reader = principal_of(request).user
        return await self._shell.page(
            request,
            HOSTS,
            saved_views=await self._views.of(reader),
            may_save=reader is not None,
            **await self._region(await self._shell.address(request)),
        )

    async def _region(self, address: PageAddress) -> Mapping[str, Any]:
        view = await self._fleet.view()
        table = TableState.read(address.query)
        hosts = table.rows(view)
        reader = address.reader
        levels = Levels(self._services.alerting)
        selectable = reader.user is not None and reader.may(Access.EDITOR)
        # In a thread: a row takes 60 us.
        rows = await asyncio.to_thread(
            lambda: self._rows.render(table.groups(hosts), table, levels, selectable=selectable)
        )
        self._rows.drop_others(host.element_id for host in view.hosts)
        return {
            "table": table,
            "columns": COLUMNS,
            "group_labels": group_labels(view),
            "shown": len(hosts),
            "row_html": rows,
            "counts": count_hosts(view),
            "cpu_window_s": self._services.host_checks().cpu.window_ms / 1000,
            "first_steps": self._first_steps.view(reader, view, address.preferences),
        }
