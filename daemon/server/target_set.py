"""All targets to scrape: configured, discovered, registered hosts, and this server."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from daemon.configuration.configuration import Configuration
from model.targets import HOST_JOB
from scraper.configuration.probe_targets import probe_targets
from scraper.configuration.settings import JobSettings
from scraper.configuration.static_targets import static_targets, targets_of_job, with_mtls
from scraper.discovery.manager import DiscoveryManager
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.targets import DroppedTarget, ScrapeTarget
from scraper.fetching.tls import TlsAccess
from scraper.probing.service import ProbeService
from storage.api.hosts import HostRecords

SELF_JOB = "redshank"
# The local exporter costs no network traffic, and a new user sees charts move soon.
LOCAL_INTERVAL_S = 5.0
# Scraping itself more often would noticeably change the server's own metrics.
SELF_INTERVAL_S = 15.0


class TargetSet:
    """The targets of every origin, joined by `refresh`.

    Attributes:
        targets: the targets as of the last refresh.
    """

    def __init__(
        self,
        configuration: Configuration,
        hosts: HostRecords,
        discovery: DiscoveryManager,
        mtls: TlsAccess | None = None,
        probes: ProbeService | None = None,
    ) -> None:
        self.targets: Sequence[ScrapeTarget] = ()
        self._hosts, self._discovery, self._mtls = hosts, discovery, mtls
        self._probes = probes
        self._own_address = ""
        self._own_socket: str | None = None
        self._local_host: tuple[str, str] | None = None
        self.apply(configuration)

    def apply(self, configuration: Configuration) -> None:
        """Use a new configuration from the next `refresh` on."""
        self._settings = configuration.settings.scrape
        if self._probes is not None:
            self._probes.library.apply(configuration.settings.probes)
        self._discovery.apply(configuration.jobs, self._settings.host_jobs)

    def add_self(self, address: str, socket: str | None = None) -> None:
        """Scrape the server's own metrics at HOST:PORT, or through its control socket."""
        self._own_address, self._own_socket = address, socket

    def add_local_host(self, name: str, address: str) -> None:
        """Scrape this machine's exporter at HOST:PORT, as the host `name`."""
        self._local_host = name, address

    async def refresh(self) -> Sequence[ScrapeTarget]:
        """Read the registered hosts again and return all targets, registered hosts first.

        Raises:
            StorageError: the records cannot be read.
        """
        registered = await self._hosts.all()
        configured = static_targets(self._settings, registered)
        if self._settings.mtls and self._mtls is not None:
            configured = with_mtls(configured, self._mtls)
        self.targets = [
            *configured,
            *self._discovery.targets(),
            *self._built_in(),
            *self._of_probes(),
        ]
        if self._settings.start_times:
            self.targets = [replace(target, start_times=True) for target in self.targets]
        return self.targets

    def _of_probes(self) -> list[ScrapeTarget]:
        if self._probes is None:
            return []
        self._probes.refresh()
        policy = self._settings.added_hosts.policy()
        return probe_targets(self._probes.library.entries(), policy)

    def _built_in(self) -> list[ScrapeTarget]:
        """Return the targets that need no configuration: the server and the local exporter."""
        found: list[ScrapeTarget] = []
        if self._own_address:
            interval_s = max(SELF_INTERVAL_S, self._settings.interval)
            own = JobSettings(name=SELF_JOB, targets=(self._own_address,), interval=interval_s)
            access = HttpAccess(unix_socket=self._own_socket)
            targets = targets_of_job(own, self._settings)
            found += [
                target if self._own_socket is None else replace(target, access=access)
                for target in targets
            ]
        if self._local_host is not None:
            name, address = self._local_host
            interval_s = min(LOCAL_INTERVAL_S, self._settings.interval)
            job = JobSettings(name=HOST_JOB, targets=(address,), hosts=True, interval=interval_s)
            found += [replace(target, host=name) for target in targets_of_job(job, self._settings)]
        return found

    def hosts(self) -> list[tuple[str, str, str]]:
        """Return (name, job, instance) of each target that is a host."""
        return [
            (target.host, target.job, target.instance)
            for target in self.targets
            if target.host is not None
        ]

    def pools(self) -> list[str]:
        """Return the names of all jobs, sorted, including jobs without targets."""
        configured = [job.name for job in self._settings.jobs]
        found = [target.scrape_pool for target in self.targets]
        return sorted({*configured, *found, *self._discovery.dropped_counts()})

    def dropped(self) -> Sequence[DroppedTarget]:
        """Return the targets that relabelling dropped, up to the number that a job keeps."""
        return self._discovery.dropped()

    def dropped_counts(self) -> Mapping[str, int]:
        """Return how many targets relabelling dropped, by job."""
        return dict.fromkeys(self.pools(), 0) | self._discovery.dropped_counts()

    def refused(self) -> Sequence[DroppedTarget]:
        """Return the discovered targets that are invalid."""
        return self._discovery.refused()
