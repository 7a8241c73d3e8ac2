"""The fleet's model: a host, its state, its figures and its open alerts."""

from dataclasses import dataclass, field
from enum import StrEnum

from model.labels import Labels
from storage.api.alerts import Alert
from web.http.host_paths import host_path


class HostState(StrEnum):
    """How a host stands. PENDING: not scraped yet."""

    UP = "up"
    DOWN = "down"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Figures:
    """What a host does now; None where its exporter does not tell.

    Attributes:
        cpu_used_ratio: of all cores, 0..1.
        memory_used_ratio: what programs cannot get, 0..1.
        disk_used_ratio: of the fullest filesystem, which is `disk_mount`.
        load1: processes that run or wait, averaged over a minute.
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
    """Open alerts of a host."""

    critical: int = 0
    warning: int = 0
    pending: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.critical + self.warning + self.pending


@dataclass(frozen=True, slots=True)
class FleetHost:
    """One host.

    Attributes:
        name: what people call it.
        instance: its `instance` label, the host's key in URLs and samples.
        id: of its record, None for one from configuration.
        url: where it is scraped, "" if it pushes.
        reason: why the last scrape failed or that no report came, "" if all is well.
        last_seen_ms: when it last answered or reported, None if it never did.
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
        """Whether it hands in its figures by itself."""
        return not self.url

    @property
    def path(self) -> str:
        """The path of the host's page; the instance serves hosts without a record too."""
        return host_path(self.instance)


@dataclass(frozen=True, slots=True)
class FleetView:
    """All hosts, by name, and all open alerts at one moment."""

    time_ms: int
    hosts: tuple[FleetHost, ...]
    alerts: tuple[Alert, ...] = ()

    def find(self, key: str) -> FleetHost | None:
        """Return the host with this record id or, failing that, this instance."""
        if key.isascii() and key.isdigit():
            for host in self.hosts:
                if host.id is not None and str(host.id) == key:
                    return host
        return next((host for host in self.hosts if host.instance == key), None)
