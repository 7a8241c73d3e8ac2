"""Everything that is to be scraped: configuration, registered hosts, and ourselves."""

from collections.abc import Sequence
from dataclasses import replace

from scraper.settings import HOST_JOB, JobSettings, ScrapeSettings, all_targets, job_targets
from scraper.targets import Target
from storage.api.hosts import HostRecords

SELF_JOB = "redshank"
# One's own machine costs no network, and whoever tries Redshank wants to see it move.
LOCAL_INTERVAL_S = 5.0
# Looking at oneself more often than this would show in what one looks at.
SELF_INTERVAL_S = 15.0


class TargetSet:
    """The targets as they are to be, read anew on each `refresh`.

    Attributes:
        targets: as of the last refresh.
    """

    def __init__(self, settings: ScrapeSettings, hosts: HostRecords) -> None:
        self.targets: Sequence[Target] = ()
        self._settings, self._hosts = settings, hosts
        self._fixed: list[Target] = []

    def add_self(self, address: str) -> None:
        """Scrape the server's own metrics at HOST:PORT."""
        interval_s = max(SELF_INTERVAL_S, self._settings.interval)
        job = JobSettings(name=SELF_JOB, targets=(address,), interval=interval_s)
        self._fixed += job_targets(job, self._settings)

    def add_local_host(self, name: str, address: str) -> None:
        """Scrape this machine's exporter at HOST:PORT, as a host of this name."""
        interval_s = min(LOCAL_INTERVAL_S, self._settings.interval)
        job = JobSettings(name=HOST_JOB, targets=(address,), hosts=True, interval=interval_s)
        for target in job_targets(job, self._settings):
            self._fixed.append(replace(target, host=name))

    async def refresh(self) -> Sequence[Target]:
        """Read the registered hosts again and return all targets, those hosts first.

        Raises:
            StorageError: the records cannot be read.
        """
        registered = await self._hosts.all()
        self.targets = [*all_targets(self._settings, registered), *self._fixed]
        return self.targets

    def hosts(self) -> list[tuple[str, str, str]]:
        """Return name, job and instance of each target that is a host."""
        return [
            (target.host, target.job, target.instance)
            for target in self.targets
            if target.host is not None
        ]
