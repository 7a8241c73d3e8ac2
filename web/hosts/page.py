"""The hosts page: the fleet table, live."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from web.fleet.first_steps import FirstSteps
from web.fleet.fleet import Fleet
from web.hosts.checks import Levels
from web.hosts.fleet_table import COLUMNS, TableState, count_hosts
from web.http.pages import Page
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface, wants_json
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
    },
)


class HostsPages:
    """Shows all hosts in one table."""

    def __init__(
        self, services: Services, fleet: Fleet, shell: Shell, first_steps: FirstSteps
    ) -> None:
        self._services, self._fleet, self._shell = services, fleet, shell
        self._first_steps = first_steps
        shell.add_region("hosts", "hosts/live.html", self._region)

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
        return await self._shell.page(request, HOSTS, **await self._region(PageAddress.of(request)))

    async def _region(self, address: PageAddress) -> Mapping[str, Any]:
        view = await self._fleet.view()
        table = TableState.read(address.query)
        checks = self._services.host_checks()
        return {
            "table": table,
            "columns": COLUMNS,
            "rows": table.rows(view),
            "counts": count_hosts(view),
            "cpu_window_s": checks.cpu.window_ms / 1000,
            "levels": Levels(self._services.alerting),
            "first_steps": await self._first_steps.view(address.reader, view),
        }
