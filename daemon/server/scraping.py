"""Scraping as the server runs it: what is to be scraped, found, joined and scraped."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from daemon.configuration.configuration import Configuration
from daemon.server.target_set import TargetSet
from model.clock import Clock
from scraper.discovery.discovery import Discovery
from scraper.scheduling.scraper import Scraper
from storage.api.errors import StorageError
from storage.api.hosts import HostRecords
from storage.api.samples import SampleAppender

log = structlog.get_logger(__name__)

# Alerting takes a host that discovery has not found yet for one that is gone.
_DISCOVERY_S = 5.0


class Scraping:
    """Keeps the scraper scraping what configuration, records and discovery say.

    Attributes:
        scraper: what scrapes.
        targets: what is to be scraped.
    """

    def __init__(
        self,
        configuration: Configuration,
        hosts: HostRecords,
        appender: SampleAppender,
        clock: Clock,
    ) -> None:
        self.scraper = Scraper(appender, clock)
        self._discovery = Discovery(self._found)
        self.targets = TargetSet(configuration, hosts, self._discovery)

    async def refresh(self) -> None:
        """Scrape what is to be scraped now.

        Raises:
            StorageError: the records cannot be read.
        """
        self.scraper.apply(await self.targets.refresh())

    async def apply(self, configuration: Configuration) -> None:
        """Scrape what another configuration says; what did not change keeps its times.

        Raises:
            StorageError: the records cannot be read.
        """
        self.targets.apply(configuration)
        await self.refresh()

    async def _found(self) -> None:
        try:
            await self.refresh()
        except StorageError as exc:
            log.warning("targets_not_refreshed", error=str(exc))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Discover and scrape for as long as the block lasts.

        Raises:
            StorageError: the records cannot be read.
        """
        async with self._discovery:
            with suppress(TimeoutError):
                async with asyncio.timeout(_DISCOVERY_S):
                    await self._discovery.settled()
            await self.refresh()
            async with self.scraper:
                yield
