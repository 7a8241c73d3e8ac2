"""The store page: the size of the store, and the metrics that take the most space."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from model.targets import Health
from web.http.pages import Page
from web.http.routing import Route
from web.live.shell import PageAddress, Shell
from web.services import Services

_MOST_SHOWN: Final = 15


STORE: Final = Page(path="/store", title="Store", template="store/page.html", position=50)


class StorePages:
    """Shows the state of the sample store."""

    def __init__(self, services: Services, shell: Shell) -> None:
        self._services, self._shell = services, shell
        shell.add_region("store", "store/live.html", self._region, is_shared=True)

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (self._shell.route(STORE, self.show),)

    async def show(self, request: web.Request) -> web.Response:
        """Show the store."""
        # Not updated live: walking all labels costs more than everything else here.
        made_of = await asyncio.to_thread(self._services.cardinality, _MOST_SHOWN)
        region = await self._region(PageAddress.of(request))
        return await self._shell.page(request, STORE, made_of=made_of, **region)

    async def _region(self, address: PageAddress) -> Mapping[str, Any]:
        stats = await asyncio.to_thread(self._services.samples.stats)
        disk_bytes = sum(window.size_bytes for window in stats.windows)
        disk_samples = sum(window.samples for window in stats.windows)
        return {
            "stats": stats,
            "samples_per_s": sum(
                status.samples / status.target.interval_s
                for status in self._services.targets()
                if status.health is Health.UP
            ),
            "disk_bytes": disk_bytes,
            "bytes_per_sample": disk_bytes / disk_samples if disk_samples else None,
            "by_series": stats.metrics[:_MOST_SHOWN],
            "by_bytes": [metric for metric in stats.heaviest[:_MOST_SHOWN] if metric.size_bytes],
            "retention": self._services.configuration.retention,
        }
