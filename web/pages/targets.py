"""The targets page: what is scraped, how it goes, why it fails."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from aiohttp import web

from scraper.targets import Health
from web.pages.shell import Shell
from web.routing import Access, Route, Surface
from web.services import Services


class TargetsPages:
    """Shows the targets of every job."""

    def __init__(self, services: Services, shell: Shell) -> None:
        self._services, self._shell = services, shell

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            Route("GET", "/targets", self.show, Access.VIEWER, Surface.PAGE),
            Route("GET", "/live/targets", self.live, Access.VIEWER, Surface.JSON),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the targets."""
        return await self._shell.page(request, "targets.html", **await self._region(request))

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Keep them live."""
        return await self._shell.live(request, "live/targets.html", self._region)

    async def _region(self, request: web.Request) -> Mapping[str, Any]:
        statuses = self._services.targets()
        health = request.query.get("health", "")
        search = request.query.get("q", "").strip()[:100]
        shown = [
            status
            for status in statuses
            if (health not in set(Health) or status.health == health)
            and search.casefold() in f"{status.target.labels} {status.target.url}".casefold()
        ]
        shown.sort(key=lambda status: (status.target.job, status.target.instance))
        return {
            "jobs": [
                (job, list(members))
                for job, members in groupby(shown, lambda each: each.target.job)
            ],
            "counts": {
                str(each): sum(1 for status in statuses if status.health is each) for each in Health
            },
            "total": len(statuses),
            "shown": len(shown),
            "health": health if health in set(Health) else "",
            "search": search,
        }
