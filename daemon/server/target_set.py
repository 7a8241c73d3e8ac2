"""Everything that is to be scraped: configuration, registered hosts, and ourselves."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from daemon.configuration.configuration import Configuration
from model.targets import HOST_JOB
from scraper.configuration.settings import JobSettings, all_targets, job_targets
from scraper.discovery.discovery import Discovery
from scraper.fetching.targets import DroppedTarget, ScrapeTarget
from storage.api.hosts import HostRecords

SELF_JOB = "redshank"
# One's own machine costs no network, and whoever tries Redshank wants to see it move.
LOCAL_INTERVAL_S = 5.0
# Looking at oneself more often than this would show in what one looks at.
SELF_INTERVAL_S = 15.0


class TargetSet:
    """The targets as they are to be, joined anew on each `refresh`.

    Attributes:
        targets: as of the last refresh.
    """

    def __init__(
        self, configuration: Configuration, hosts: HostRecords, discovery: Discovery
    ) -> None:
        self.targets: Sequence[ScrapeTarget] = ()
        self._hosts, self._discovery = hosts, discovery
        self._own_address = ""
        self._local_host: tuple[str, str] | None = None
        self.apply(configuration)

    def apply(self, configuration: Configuration) -> None:
        """Take another configuration; `refresh` follows it."""
        self._settings = configuration.settings.scrape
        self._discovery.apply(configuration.jobs, self._settings.host_jobs)

    def add_self(self, address: str) -> None:
        """Scrape the server's own metrics at HOST:PORT."""
        self._own_address = address

    def add_local_host(self, name: str, address: str) -> None:
        """Scrape this machine's exporter at HOST:PORT, as a host of this name."""
        self._local_host = name, address

    async def refresh(self) -> Sequence[ScrapeTarget]:
        """Read the registered hosts again and return all targets, those hosts first.

        Raises:
            StorageError: the records cannot be read.
        """
        registered = await self._hosts.all()
        configured = all_targets(self._settings, registered)
        self.targets = [*configured, *self._discovery.targets(), *self._fixed()]
        if self._settings.start_times:
            self.targets = [replace(target, start_times=True) for target in self.targets]
        return self.targets

    def _fixed(self) -> list[ScrapeTarget]:
        """Return the targets that nobody has to configure."""
        found: list[ScrapeTarget] = []
        if self._own_address:
            interval_s = max(SELF_INTERVAL_S, self._settings.interval)
            own = JobSettings(name=SELF_JOB, targets=(self._own_address,), interval=interval_s)
            found += job_targets(own, self._settings)
        if self._local_host is not None:
            name, address = self._local_host
            interval_s = min(LOCAL_INTERVAL_S, self._settings.interval)
            job = JobSettings(name=HOST_JOB, targets=(address,), hosts=True, interval=interval_s)
            found += [replace(target, host=name) for target in job_targets(job, self._settings)]
        return found

    def hosts(self) -> list[tuple[str, str, str]]:
        """Return name, job and instance of each target that is a host."""
        return [
            (target.host, target.job, target.instance)
            for target in self.targets
            if target.host is not None
        ]

    def pools(self) -> list[str]:
        """Return the names of all jobs, those without a target too, sorted."""
        configured = [job.name for job in self._settings.jobs]
        found = [target.scrape_pool for target in self.targets]
        return sorted({*configured, *found, *self._discovery.dropped_counts()})

    def dropped(self) -> Sequence[DroppedTarget]:
        """Return the targets that relabelling dropped, as many as their jobs keep."""
        return self._discovery.dropped()

    def dropped_counts(self) -> Mapping[str, int]:
        """Return for each job how many targets relabelling dropped."""
        return dict.fromkeys(self.pools(), 0) | self._discovery.dropped_counts()

    def refused(self) -> Sequence[DroppedTarget]:
        """Return what was found and no target can be made of."""
        return self._discovery.refused()
