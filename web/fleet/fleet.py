"""The fleet: every host with its state and its current figures.

A host is a registered record, a target that the configuration calls a host, or both.
Figures come from PromQL over node_exporter's names: a handful of queries over all
hosts at once, whatever their number, kept for a second.
"""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import quote

import structlog

from alerting.settings import DiskSettings
from model.durations import format_duration
from model.labels import Labels
from model.labels import quote as quote_label
from model.targets import Health, TargetStatus
from promql.api import InstantVector, PromQLError, QueryOptions
from storage.api.alerts import Alert, AlertState, Severity
from storage.api.hosts import Host
from web.services import Services

log = structlog.get_logger(__name__)

_FRESH_MS: Final = 1_000
"""How long figures are kept: every open page asks for the same ones."""

NO_NIC: Final = "lo|veth.*|docker.*|br-.*|virbr.*|cni.*|flannel.*|cali.*|tap.*|vnet.*"


_PATIENCE: Final = QueryOptions(timeout_s=10.0)
"""A page without one figure is better than no page."""


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


def host_path(instance: str) -> str:
    """Return the path of the page of the host with this `instance` label."""
    return f"/host/{quote(instance, safe=':@')}"


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


def real_disks(disk: DiskSettings) -> str:
    """Return the matchers of the filesystems that the disk check looks at too."""
    return (
        f"fstype!~{quote_label(disk.ignored_fstypes)},"
        f"mountpoint!~{quote_label(disk.ignored_mountpoints)}"
    )


def queries(window: str, disk: DiskSettings) -> Mapping[str, str]:
    """Return the query of each figure; rates are taken over `window`."""
    received = f'node_network_receive_bytes_total{{device!~"{NO_NIC}"}}[{window}]'
    transmitted = f'node_network_transmit_bytes_total{{device!~"{NO_NIC}"}}[{window}]'
    disks = f"{{{real_disks(disk)}}}"
    return {
        "cpu_used_ratio": (
            # As the CPU check: what is neither idle nor waiting for a disk is busy.
            "1 - sum by (instance) (avg without (cpu) "
            f'(rate(node_cpu_seconds_total{{mode=~"idle|iowait"}}[{window}])))'
        ),
        "memory_used_ratio": "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
        "memory_total_bytes": "node_memory_MemTotal_bytes",
        "disk_used_ratio": (
            f"1 - node_filesystem_avail_bytes{disks} / (node_filesystem_size_bytes{disks} > 0)"
        ),
        "load1": "node_load1",
        # "all": a host that pushes does not tell how many it has.
        "cores": 'count by (instance) (node_cpu_seconds_total{mode="idle",cpu!="all"})',
        "receive_bytes_per_s": f"sum by (instance) (rate({received}))",
        "transmit_bytes_per_s": f"sum by (instance) (rate({transmitted}))",
        "uptime_s": "time() - node_boot_time_seconds",
    }


class Fleet:
    """Puts hosts, targets, figures and alerts together, once for all who ask at a time."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = asyncio.Lock()
        self._view: FleetView | None = None

    async def view(self) -> FleetView:
        """Return the fleet as it is, at most a second old."""
        async with self._lock:
            now_ms = self._services.clock()
            view = self._view
            if view is None or not 0 <= now_ms - view.time_ms < _FRESH_MS:
                view = self._view = await self._read(now_ms)
            return view

    async def host(self, key: str) -> FleetHost | None:
        """Return the host with this record id or instance, None if there is none."""
        return (await self.view()).find(key)

    def forget(self) -> None:
        """Read everything anew at the next call, because hosts or alerts changed."""
        self._view = None

    async def _read(self, now_ms: int) -> FleetView:
        records = await self._services.hosts.all()
        statuses = [status for status in self._services.targets() if status.target.host]
        statuses += self._services.pushes.hosts.statuses()
        open_alerts = tuple(item.alert for item in self._services.alerting.open_alerts())
        alerts = count_alerts(open_alerts)
        figures = await self._figures(statuses, now_ms)
        hosts = [_host(status, _record_of(status, records), figures, alerts) for status in statuses]
        known = {host.id for host in hosts}
        hosts.extend(_pending(record) for record in records if record.id not in known)
        hosts.sort(key=lambda host: (host.name.casefold(), host.instance))
        return FleetView(now_ms, tuple(hosts), open_alerts)

    async def _figures(
        self, statuses: Sequence[TargetStatus], now_ms: int
    ) -> Mapping[str, Figures]:
        if not statuses:
            return {}
        window = rate_window(status.target.interval_s for status in statuses)
        wanted = queries(window, self._services.host_checks().disk)
        answers = await asyncio.gather(
            *(self._ask(name, query, now_ms) for name, query in wanted.items())
        )
        found: dict[str, dict[str, float | str]] = {}
        for name, vector in zip(wanted, answers, strict=True):
            if vector is None:
                continue
            for labels, value in zip(vector.labels, vector.values.tolist(), strict=True):
                if math.isnan(value):
                    continue
                own = found.setdefault(labels.get("instance"), {})
                if name == "disk_used_ratio":
                    if value < float(own.get(name, -1.0)):
                        continue
                    own["disk_mount"] = labels.get("mountpoint")
                own[name] = value
        return {instance: Figures(**own) for instance, own in found.items()}  # type: ignore[arg-type]

    async def _ask(self, name: str, query: str, now_ms: int) -> InstantVector | None:
        try:
            answer = await self._services.engine.instant(query, now_ms, _PATIENCE)
        except PromQLError as exc:
            # The page shows what there is; a missing figure reads as unknown.
            log.warning("fleet_query_failed", figure=name, error=str(exc))
            return None
        return answer.value if isinstance(answer.value, InstantVector) else None


def rate_window(intervals_s: Iterable[float]) -> str:
    """Return a window with four scrapes of the slowest host, from one to ten minutes."""
    slowest_s = max(intervals_s, default=15.0)
    return format_duration(round(min(max(4 * slowest_s, 60.0), 600.0)) * 1000)


def count_alerts(alerts: Sequence[Alert]) -> Mapping[str, AlertCount]:
    """Return the open alerts of each instance."""
    tally: dict[str, list[int]] = {}
    for alert in alerts:
        counts = tally.setdefault(alert.labels.get("instance"), [0, 0, 0])
        if alert.state is AlertState.PENDING:
            counts[2] += 1
        elif alert.labels.get("severity") == Severity.CRITICAL:
            counts[0] += 1
        else:
            counts[1] += 1
    return {instance: AlertCount(*counts) for instance, counts in tally.items()}


def _record_of(status: TargetStatus, records: Sequence[Host]) -> Host | None:
    return next((record for record in records if record.id == status.target.host_id), None)


_STATE_OF = {
    Health.UP: HostState.UP,
    Health.DOWN: HostState.DOWN,
    Health.UNKNOWN: HostState.PENDING,
}


def _host(
    status: TargetStatus,
    record: Host | None,
    figures: Mapping[str, Figures],
    alerts: Mapping[str, AlertCount],
) -> FleetHost:
    target = status.target
    state = _STATE_OF[status.health]
    return FleetHost(
        name=target.host or target.instance,
        instance=target.instance,
        id=target.host_id,
        url=target.url,
        labels=target.labels,
        state=state,
        reason=status.last_error,
        last_seen_ms=status.last_up_ms,
        interval_s=target.interval_s,
        timeout_s=target.timeout_s,
        created_ms=record.created_ms if record else None,
        # A host that is down does nothing now; its last figures would deceive.
        figures=figures.get(target.instance, Figures()) if state is HostState.UP else Figures(),
        alerts=alerts.get(target.instance, AlertCount()),
    )


def _pending(record: Host) -> FleetHost:
    return FleetHost(
        name=record.name,
        instance=record.labels.get("instance") or default_instance(record),
        id=record.id,
        url=record.url,
        labels=record.labels,
        state=HostState.PENDING,
        reason="",
        last_seen_ms=None,
        interval_s=record.interval_s,
        timeout_s=record.timeout_s,
        created_ms=record.created_ms,
    )


def default_instance(record: Host) -> str:
    """Return the `instance` label that a host gets: of its URL, or its name if it pushes."""
    if record.pushes:
        return record.name
    return record.url.split("://", 1)[-1].split("/", 1)[0]
