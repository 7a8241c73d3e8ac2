"""Waits for changes of a DiscoveryManager's targets."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from scraper.discovery.engine.discoverer import Discoverer
from scraper.discovery.engine.polling import PollingDiscoverer
from scraper.discovery.http_sd import HttpLookup
from scraper.discovery.jobs import ScrapeJob
from scraper.discovery.manager import DiscoveryManager
from scraper.fetching.http_access import HttpAccess
from tests.patience import PATIENCE_S


class Changes:
    """Receives the notifications of a manager."""

    def __init__(self) -> None:
        self._notified = asyncio.Event()

    async def notify(self) -> None:
        self._notified.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._notified.clear()
                await self._notified.wait()


def job(*discoverers: Discoverer, name: str = "j", **fields: object) -> ScrapeJob:
    return ScrapeJob(name, 15.0, 10.0, discoverers=discoverers, **fields)  # type: ignore[arg-type]


def instances(discovery: DiscoveryManager) -> list[str]:
    return [target.instance for target in discovery.targets()]


async def write(path: Path, text: str) -> None:
    def replaced() -> None:
        new = path.with_suffix(".new")
        new.write_text(text)
        new.rename(path)

    await asyncio.to_thread(replaced)


def http(url: str, refresh_s: float, access: HttpAccess | None = None) -> PollingDiscoverer:
    return PollingDiscoverer(HttpLookup(url, refresh_s, access or HttpAccess()), refresh_s)
