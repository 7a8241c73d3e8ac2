"""The fleet's model: a host, its state, its figures and its open alerts."""

from dataclasses import dataclass, field
from enum import StrEnum

from model.labels import Labels
from storage.api.alerts import Alert
from storage.api.hosts import IDENTITY
from web.http.host_paths import host_path


class HostState(StrEnum):
    """The state of a host. PENDING: not scraped yet."""

    UP = "up"
    DOWN = "down"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Figures:
    """The current figures of a host; None if its exporter does not export one.

    Attributes:
        cpu_used_ratio: of all cores, 0 to 1.
        memory_used_ratio: the memory that is not available to programs, 0 to 1.
        disk_used_ratio: of the fullest filesystem, 0 to 1.
        disk_mount: the mount point of that filesystem.
        load1: running and waiting processes, averaged over a minute.
    """

    cpu_used_ratio: float | None = None
    memory_used_ratio: float | None = None
    memory_total_bytes: float | None = None
    disk_used_ratio: float | None = None
    disk_mount: str | None = None
    load1: float | None = None
    cores: float | None = None
    receive_bytes_per_s: float | None = None
    transmit_bytes_per_s: float | None = None
    uptime_s: float | None = None


@dataclass(frozen=True, slots=True)
class AlertCount:
    """The number of a host's open alerts by severity."""

    critical: int = 0
    warning: int = 0
    pending: int = 0

    @property
    def total(self) -> int:
        """The number of all open alerts."""
        return self.critical + self.warning + self.pending


@dataclass(frozen=True, slots=True)
class FleetHost:
    """One host.

    Attributes:
        name: the name on the pages.
        instance: its `instance` label, which identifies it in URLs and samples.
        id: the id of its record, None for a host in the configuration file.
        url: the URL that is scraped, "" if the host pushes.
        reason: why the last scrape failed or a report is missing, "" if neither.
        last_seen_ms: the time of the last successful scrape or report, None for never.
    """

    name: str
    instance: str
    id: int | None
    url: str
    labels: Labels
    state: HostState
    reason: str
    last_seen_ms: int | None
    interval_s: float | None
    timeout_s: float | None
    created_ms: int | None
    figures: Figures = field(default_factory=Figures)
    alerts: AlertCount = field(default_factory=AlertCount)

    @property
    def pushes(self) -> bool:
        """Whether the host pushes reports instead of being scraped."""
        return not self.url

    @property
    def tags(self) -> tuple[tuple[str, str], ...]:
        """The labels that somebody gave the host: all but `job` and `instance`."""
        return tuple(pair for pair in self.labels if pair[0] not in IDENTITY)

    @property
    def element_id(self) -> str:
        """The id of the host's row on pages: hosts of two jobs may share an instance."""
        return f"host-{self.labels.get('job')}-{self.instance}"

    @property
    def path(self) -> str:
        """The path of the host's page, which names the instance: not every host has a record."""
        return host_path(self.instance)


@dataclass(frozen=True, slots=True)
class FleetView:
    """All hosts, ordered by name, and all open alerts at one time."""

    time_ms: int
    hosts: tuple[FleetHost, ...]
    alerts: tuple[Alert, ...] = ()

    def find(self, key: str) -> FleetHost | None:
        """Return the host with this record id or, if there is none, this instance."""
        if key.isascii() and key.isdigit():
            for host in self.hosts:
                if host.id is not None and str(host.id) == key:
                    return host
        return next((host for host in self.hosts if host.instance == key), None)
