"""Runs discovery and the scraper, and gives the scraper its targets."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import structlog

from alerting.checks.probe_failures import WatchedProbe
from daemon.configuration.configuration import Configuration
from daemon.server.target_set import TargetSet
from model.clock import Clock
from model.conditions import Conditions
from model.limits import Refusals
from scraper.discovery.manager import DiscoveryManager
from scraper.fetching.tls import TlsAccess
from scraper.probing.service import ProbeService
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
        probes: the probes that the server runs.
    """

    def __init__(
        self,
        configuration: Configuration,
        hosts: HostRecords,
        appender: SampleAppender,
        clock: Clock,
        conditions: Conditions,
        mtls: TlsAccess,
        probes: ProbeService,
        refusals: Refusals,
    ) -> None:
        self.probes = probes
        self.scraper = Scraper(appender, clock, conditions, probes.prober, refusals)
        self.discovery = DiscoveryManager(self._on_discovery)
        self.targets = TargetSet(configuration, hosts, self.discovery, mtls, probes)

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
            await self.probes.load()
            self.probes.library.changed = self.refresh
            await self.refresh()
            async with self.scraper:
                yield


def watched_probes(scraping: Scraping) -> Iterator[WatchedProbe]:
    """Yield the running probes with their last outcomes, for the check of probes."""
    for target in scraping.targets.targets:
        if target.probe is None:
            continue
        state = scraping.probes.prober.state(target.probe.name)
        outcome = None if state is None else state.outcome
        yield WatchedProbe(
            target.probe.name,
            target.labels,
            target.probe.severity,
            None if outcome is None else not outcome.succeeded,
            "" if outcome is None else outcome.reason,
        )
