"""Runs discovery and the scraper, and gives the scraper its targets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from daemon.configuration.configuration import Configuration
from daemon.server.target_set import TargetSet
from model.clock import Clock
from model.conditions import Conditions
from scraper.discovery.manager import DiscoveryManager
from scraper.fetching.tls import TlsAccess
from scraper.scheduling.scraper import Scraper
from storage.api.errors import StorageError
from storage.api.hosts import HostRecords
from storage.api.samples import SampleAppender

log = structlog.get_logger(__name__)

# How long the first scrape waits for discovery: alerting would report a host that is not
# discovered yet as gone.
_DISCOVERY_S = 5.0


class Scraping:
    """Scrapes the targets of configuration, registered hosts and discovery.

    Attributes:
        scraper: scrapes the targets.
        discovery: discovers targets of the configured jobs.
        targets: all targets, from every origin.
    """

    def __init__(
        self,
        configuration: Configuration,
        hosts: HostRecords,
        appender: SampleAppender,
        clock: Clock,
        conditions: Conditions,
        mtls: TlsAccess,
    ) -> None:
        self.scraper = Scraper(appender, clock, conditions)
        self.discovery = DiscoveryManager(self._on_discovery)
        self.targets = TargetSet(configuration, hosts, self.discovery, mtls)

    async def refresh(self) -> None:
        """Read the registered hosts again and scrape the current targets.

        Raises:
            StorageError: the records cannot be read.
        """
        self.scraper.apply(await self.targets.refresh())

    async def apply(self, configuration: Configuration) -> None:
        """Scrape the targets of a new configuration; unchanged targets keep their schedule.

        Raises:
            StorageError: the records cannot be read.
        """
        self.targets.apply(configuration)
        await self.refresh()

    async def _on_discovery(self) -> None:
        try:
            await self.refresh()
        except StorageError as exc:
            log.warning("targets_not_refreshed", error=str(exc))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Discover and scrape until the block ends.

        Raises:
            StorageError: the records cannot be read.
        """
        async with self.discovery:
            with suppress(TimeoutError):
                async with asyncio.timeout(_DISCOVERY_S):
                    await self.discovery.settled()
            await self.refresh()
            async with self.scraper:
                yield
