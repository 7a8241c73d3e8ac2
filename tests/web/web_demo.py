"""A demonstration server: thirty made-up hosts, alerts in every state, live figures.

    python -m tests.web.web_demo [PORT]

Log in as admin / demo-password. Nothing is stored beyond the process.
"""

import asyncio
import math
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

import aiohttp
import numpy as np
from aiohttp import web
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from alerting.receivers.webhook_body import NotificationStatus, webhook_body
from analytics.sessions.service import AgentSessions
from analytics.sessions.settings import SessionSettings
from analytics.settings import AnalyticsSettings
from daemon.server.management.stored_rules import StoredRules
from daemon.server.project_analytics import analytics_over
from model.clock import Clock, system_clock
from model.conditions import Conditions
from model.durations import parse_duration_ms
from model.labels import Labels
from model.limits import Refusals
from model.series import AlignedSeries
from model.targets import Health, TargetStatus
from promql.api import Answer, InstantVector, QueryOptions, Selectors
from storage.api.alerts import Alert, AlertState, CheckOverride
from storage.records.store import Records
from tests.promql.scripted_engine import ScriptedEngine
from tests.web.alerting_double import AlertingDouble, alerting_over, an_alert
from tests.web.service_doubles import DiscoveryDouble, FixedConfiguration, MemorySamples
from tests.web.service_doubles import target_status as status_of
from tests.web.world import (
    opened_events,
    opened_pushes,
    opened_records,
    probes_over,
    shared_resources,
    stored_rules_over,
)
from web.application import create_app, ensure_first_admin
from web.http.bodies import SERVER_OPTIONS
from web.identity.keys import KeyRing
from web.services import Services
from web.settings import WebSettings

NAMES = (
    *("atlas", "backup-1", "build-1", "build-2", "cache-1", "cache-2", "db-1", "db-2", "dns-1"),
    *("dns-2", "edge-ams", "edge-fra", "edge-sgp", "git", "grafana", "home-nas", "kvm-1", "kvm-2"),
    *("ledger", "mail", "media", "mqtt", "photos", "pi-garage", "pi-roof", "queue-1", "vault"),
    *("vpn", "web-1", "web-2"),
)
ADDRESSES = {f"10.0.{index // 10}.{10 + index % 10}:9100": name for index, name in enumerate(NAMES)}
STORED_RULES = """groups:
- name: storage
  interval: 1m
  rules:
  - record: instance:filesystem_used:ratio
    expr: 1 - node_filesystem_avail_bytes / node_filesystem_size_bytes
  - alert: BackupVolumeNearlyFull
    expr: instance:filesystem_used:ratio{mountpoint="/srv/backup"} > 0.95
    for: 15m
    labels: {severity: warning}
"""
DOWN, NEW = "pi-garage", "web-2"
GIB = 2.0**30
Times = NDArray[np.float64]


def wobble(key: str, times_s: Times, period_s: float = 3600.0) -> Times:
    """Return a smooth pseudo-random walk between 0 and 1, the same for the same key."""
    seed = crc32(key.encode())
    total = np.zeros_like(times_s)
    for octave in range(6):
        phase = (seed >> (octave * 5)) % 1000 / 1000 * math.tau
        total += np.sin(times_s * math.tau * 2.3**octave / period_s + phase) / 1.6**octave
    return np.asarray(0.5 + total / 5.2).clip(0, 1)


def level(key: str, low: float, high: float) -> float:
    """Return a constant between two bounds, the same for the same key."""
    return low + (high - low) * (crc32(key.encode()) % 997 / 997)


def busy(host: str, times_s: Times) -> Times:
    if host == "build-1":
        return 0.90 + 0.09 * wobble(host, times_s, 700)
    base = level(host, 0.03, 0.45)
    return (base * (0.4 + 1.2 * wobble(host + "cpu", times_s))).clip(0.005, 0.99)


def cores(host: str) -> int:
    return 4 if host.startswith("pi") else (2, 4, 8, 16)[crc32(host.encode()) % 4]


def memory_bytes(host: str) -> float:
    sizes_gib = (1.9,) if host.startswith("pi") else (3.83, 7.76, 15.5, 31.3)
    return GIB * sizes_gib[crc32(host.encode()) % len(sizes_gib)]


def mounts(host: str) -> dict[str, tuple[str, float, float]]:
    """Return for each mount its device, size and used share."""
    found = {"/": ("/dev/vda1", 58 * GIB, level(host + "/", 0.12, 0.7))}
    if host == "backup-1":
        found["/srv/backup"] = ("/dev/mapper/crypt", 7300 * GIB, 0.932)
    elif host in ("home-nas", "media", "photos"):
        found["/srv/data"] = ("/dev/sdb1", 3650 * GIB, level(host + "data", 0.5, 0.84))
    elif host.startswith("db"):
        found["/var/lib/postgresql"] = ("/dev/vdb", 490 * GIB, level(host + "pg", 0.3, 0.75))
    return found


Rows = list[tuple[Labels, Times]]

MODES = (("user", 0.71), ("system", 0.22), ("softirq", 0.04), ("nice", 0.03))


def cpu_modes(host: str, own: Labels, times_s: Times) -> Rows:
    parts = {mode: share * (0.7 + 0.6 * wobble(host + mode, times_s, 900)) for mode, share in MODES}
    whole = np.sum(list(parts.values()), axis=0)
    cpu = busy(host, times_s)
    return [(Labels.of(mode=mode), cpu * part / whole) for mode, part in parts.items()]


def cpu_cores(host: str, own: Labels, times_s: Times) -> Rows:
    return [
        (
            Labels.of(cpu=str(core)),
            busy(host, times_s) * (0.6 + 0.8 * wobble(f"{host}{core}", times_s)),
        )
        for core in range(cores(host))
    ]


def cpu_waiting(host: str, own: Labels, times_s: Times) -> Rows:
    return [(Labels.of(mode="iowait"), 0.04 * wobble(host + "iowait", times_s, 900) ** 3)]


def memory_used(host: str, times_s: Times) -> Times:
    return level(host + "mem", 0.2, 0.74) + 0.08 * wobble(host + "mem", times_s, 20_000)


def load(host: str, times_s: Times, lag_s: float) -> Times:
    smooth = np.mean([busy(host, times_s - lag_s * part / 4) for part in range(4)], axis=0)
    return np.asarray(smooth * cores(host) * 1.1)


def traffic(kind: str) -> Callable[[str, Labels, Times], Rows]:
    def rows(host: str, own: Labels, times_s: Times) -> Rows:
        scale = level(host + kind, 2e3, 4e6)
        nics = {"eth0": 1.0, "wg0": 0.35} if host.startswith(("edge", "vpn")) else {"eth0": 1.0}
        return [
            (
                Labels.of(own, device=nic),
                scale * share * 4 * wobble(host + kind + nic, times_s, 1800) ** 3,
            )
            for nic, share in nics.items()
        ]

    return rows


def drive(kind: str) -> Callable[[str, Labels, Times], Rows]:
    def rows(host: str, own: Labels, times_s: Times) -> Rows:
        scale = level(host + kind, 1e4, 9e6)
        return [(Labels.of(own, device="vda"), scale * 5 * wobble(host + kind, times_s, 1300) ** 4)]

    return rows


def disks(kind: str) -> Callable[[str, Labels, Times], Rows]:
    def rows(host: str, own: Labels, times_s: Times) -> Rows:
        found: Rows = []
        for mount, (device, size, share) in mounts(host).items():
            labels = Labels.of(own, mountpoint=mount, device=device, fstype="ext4")
            used = share + 0.01 * wobble(host + mount, times_s, 90_000)
            whole = np.full_like(times_s, size)
            found.append((labels, {"ratio": used, "size": whole, "free": whole * (1 - used)}[kind]))
        return found

    return rows


def pressure(resource: str, most: float) -> Callable[[str, Labels, Times], Rows]:
    def rows(host: str, own: Labels, times_s: Times) -> Rows:
        return [(own, most * busy(host, times_s) * wobble(host + resource, times_s, 900) ** 2)]

    return rows


def fullest_disk(host: str, own: Labels, times_s: Times) -> Rows:
    return [(Labels(), np.max([used for _, used in disks("ratio")(host, own, times_s)], axis=0))]


def temperatures(host: str, own: Labels, times_s: Times) -> Rows:
    if not host.startswith(("pi", "kvm", "home")):
        return []
    return [
        (
            Labels.of(chip="coretemp", sensor=sensor),
            38 + 22 * busy(host, times_s) + 4 * wobble(host + sensor, times_s, 2500),
        )
        for sensor in ("temp1", "temp2")
    ]


def infos(host: str, own: Labels, times_s: Times) -> Rows:
    machine = "aarch64" if host.startswith("pi") else "x86_64"
    uname = Labels.of(
        own, __name__="node_uname_info", release="6.1.0-28-amd64", machine=machine, nodename=host
    )
    system = Labels.of(own, __name__="node_os_info", pretty_name="Debian GNU/Linux 12 (bookworm)")
    return [(uname, np.ones_like(times_s)), (system, np.ones_like(times_s))]


def gauges(host: str, own: Labels, times_s: Times) -> Rows:
    memory, booted = memory_bytes(host), times_s - level(host + "up", 4e3, 3e7)
    values = {
        "node_memory_MemAvailable_bytes": (1 - memory_used(host, times_s)) * memory,
        "node_memory_MemTotal_bytes": np.full_like(times_s, memory),
        "node_load1": load(host, times_s, 60),
        "node_boot_time_seconds": booted,
    }
    return [(Labels.of(own, __name__=name), value) for name, value in values.items()]


def one(value: Callable[[str, Times], Times | float]) -> Callable[[str, Labels, Times], Rows]:
    def rows(host: str, own: Labels, times_s: Times) -> Rows:
        return [(own, np.zeros_like(times_s) + value(host, times_s))]

    return rows


# A query is answered by the first entry whose text it contains; a minus before it negates.
KINDS: tuple[tuple[str, Callable[[str, Labels, Times], Rows]], ...] = (
    ("node_uname_info|", infos),
    ("node_memory_MemAvailable_bytes|", gauges),
    ("sum by (mode) (increase", cpu_modes),
    ("sum by (mode) (delta", cpu_waiting),
    ("sum by (mode) (rate", cpu_modes),
    ("sum by (cpu) (rate", cpu_cores),
    ("count by (instance) (node_cpu", one(lambda host, _: float(cores(host)))),
    ("count(node_cpu", one(lambda host, _: float(cores(host)))),
    ("node_cpu_seconds_total", one(busy)),
    ("1 - node_memory_MemAvailable", one(memory_used)),
    ("- node_memory_MemAvailable", one(lambda h, t: memory_used(h, t) * memory_bytes(h))),
    ("- node_memory_MemFree", one(lambda h, t: memory_used(h, t) * memory_bytes(h))),
    ("node_memory_SReclaim", one(lambda h, t: (1 - memory_used(h, t)) * 0.7 * memory_bytes(h))),
    ("node_memory_Cached", one(lambda h, t: (1 - memory_used(h, t)) * 0.6 * memory_bytes(h))),
    ("node_memory_MemFree", one(lambda h, t: (1 - memory_used(h, t)) * 0.3 * memory_bytes(h))),
    ("node_memory_MemTotal", one(lambda host, _: memory_bytes(host))),
    ("max(1 - node_filesystem_avail", fullest_disk),
    ("1 - node_filesystem_avail", disks("ratio")),
    ("node_filesystem_avail", disks("free")),
    ("node_filesystem_size", disks("size")),
    ("node_load15", one(lambda host, times_s: load(host, times_s, 900))),
    ("node_load5", one(lambda host, times_s: load(host, times_s, 300))),
    ("node_load1", one(lambda host, times_s: load(host, times_s, 60))),
    ("node_network_receive", traffic("in")),
    ("node_network_transmit", traffic("out")),
    ("node_disk_read", drive("read")),
    ("node_disk_written", drive("write")),
    ("hwmon", temperatures),
    ("node_time_seconds", one(lambda host, _: level(host + "up", 4e3, 3e7))),
    ("node_pressure_cpu", pressure("cpu", 0.3)),
    ("node_pressure_memory", pressure("memory", 0.02)),
    ("node_pressure_io", pressure("io", 0.15)),
)


METRICS = (
    *(
        "node_cpu_seconds_total",
        "node_load1",
        "node_load5",
        "node_load15",
        "node_disk_read_bytes_total",
    ),
    *(f"node_memory_{name}_bytes" for name in ("MemTotal", "MemFree", "Buffers", "Cached")),
    *("node_memory_SReclaimable_bytes", "node_disk_written_bytes_total"),
    *("node_filesystem_avail_bytes", "node_filesystem_size_bytes"),
    *("node_network_receive_bytes_total", "node_network_transmit_bytes_total"),
)
WITHOUT_CHART = ("up", "node_uname_info")
"""Metrics of every host that no chart of its page draws."""


def raw_samples(host: str, own: Labels, end_ms: int, length_ms: int) -> AlignedSeries:
    """Return samples of some metrics of a host, as a range selector does.

    In the last fifth of the range, a queue is long.
    """
    times = np.arange(end_ms - length_ms, end_ms + 1, 15_000)
    times_s, jitter = times / 1000, np.random.default_rng(crc32(host.encode()))
    rows = {
        "node_load1": load(host, times_s, 60),
        "room_celsius": 20 + jitter.normal(0, 0.1, len(times)),
        "jobs_waiting": 5 + jitter.normal(0, 1, len(times)) + 40 * (times > end_ms - length_ms / 5),
    }
    labels = [Labels.of(own, __name__=name) for name in rows]
    return AlignedSeries.of_source(labels, times, np.array(list(rows.values())))


class MadeUpEngine(ScriptedEngine):
    """Answers the queries of the pages from formulas."""

    async def label_values(
        self, name: str, selectors: Selectors, start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        matchers = {matcher.name: matcher for each in selectors for matcher in each}
        hosts = {
            instance: host
            for instance, host in ADDRESSES.items()
            if host not in (DOWN, NEW)
            and ("instance" not in matchers or matchers["instance"].matches(instance))
            and ("job" not in matchers or matchers["job"].matches("node"))
        }
        metric = matchers.get("__name__")
        if metric and not any(metric.matches(each) for each in (*METRICS, *WITHOUT_CHART)):
            return []
        if name in ("instance", "job"):
            return sorted(hosts) if name == "instance" else ["node"] if hosts else []
        if name != "__name__" or "instance" not in matchers or not hosts:
            return []
        sensors = [each for each in hosts.values() if temperatures(each, Labels(), np.zeros(1))]
        return sorted([*METRICS, *(["node_hwmon_temp_celsius"] if sensors else [])])

    async def instant(
        self, query: str, time_ms: int, options: QueryOptions | None = None
    ) -> Answer:
        whole = re.fullmatch(r'\{instance="([^"]*)"\}\[(\w+)\]', query)
        if whole:
            own = Labels.of(instance=whole[1], job="node")
            length_ms = parse_duration_ms(whole[2])
            return Answer(raw_samples(ADDRESSES[whole[1]], own, time_ms, length_ms))
        labels, values = self._rows(query, np.array([time_ms / 1000]))
        return Answer(InstantVector(time_ms, labels, values[:, 0] if labels else np.empty(0)))

    async def range(
        self,
        query: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions | None = None,
    ) -> Answer:
        times_ms = np.arange(start_ms, end_ms + 1, step_ms, dtype=np.int64)
        labels, values = self._rows(query, times_ms / 1000)
        return Answer(AlignedSeries.of_source(labels, times_ms, values))

    def _rows(self, query: str, times_s: Times) -> tuple[tuple[Labels, ...], Times]:
        rows_of = next((rows for text, rows in KINDS if text in query), None)
        wanted = re.search(r'instance="([^"]*)"', query)
        summed = query.startswith("sum by (instance)")
        found: list[tuple[Labels, Times]] = []
        for instance, host in ADDRESSES.items():
            if rows_of is None or host in (DOWN, NEW) or (wanted and wanted[1] != instance):
                continue
            rows = rows_of(host, Labels.of(instance=instance), times_s)
            if summed and rows:
                rows = [(Labels.of(instance=instance), np.sum([row for _, row in rows], axis=0))]
            found.extend(rows)
        values = np.array([row for _, row in found]) if found else np.empty((0, len(times_s)))
        if query.startswith("-"):
            values = -values
        return tuple(labels for labels, _ in found), values


def statuses(now_ms: int) -> list[TargetStatus]:
    """Return the status of each made-up target."""
    found = []
    for instance, host in ADDRESSES.items():
        health, error = Health.UP, ""
        if host == DOWN:
            health, error = Health.DOWN, f"cannot connect to {instance}: Connection refused"
        status = status_of(host, instance, health, error, now_ms=now_ms)
        if host == NEW:
            status = replace(
                status, health=Health.UNKNOWN, last_scrape_ms=None, last_up_ms=None, samples=0
            )
        age_ms = crc32(host.encode()) % 15_000
        if status.last_scrape_ms is not None:
            status = replace(
                status, last_scrape_ms=now_ms - age_ms, duration_s=level(host, 0.006, 0.06)
            )
        if health is Health.UP and host != NEW:
            status = replace(status, last_up_ms=now_ms - age_ms, samples=480 + age_ms % 90)
        found.append(status)
    return found


CPU, MEMORY, LOAD, DISK, GONE = "HighCpu", "HighMemory", "HighLoad", "DiskFilling", "HostDown"
FIRING, PENDING = AlertState.FIRING, AlertState.PENDING
RESOLVED, NO_DATA = AlertState.RESOLVED, AlertState.NO_DATA

# Rule, host, severity, state, last value, minutes since the start, who acknowledged it, summary.
ALERTS: tuple[tuple[str, str, str, AlertState, float, int, str | None, str], ...] = (
    (CPU, "build-1", "warning", FIRING, 94.2, 17, None, "CPU at 94 %, threshold 85 %"),
    (DISK, "backup-1", "critical", FIRING, 93.2, 190, "ann", "/srv/backup is 93 % full"),
    (GONE, "pi-garage", "critical", FIRING, 0.0, 10, None, "No answer: connection refused"),
    (MEMORY, "ledger", "warning", PENDING, 86.0, 3, None, "Memory at 86 %, threshold 85 %"),
    (LOAD, "web-2", "warning", NO_DATA, math.nan, 42, None, "The alert's series vanished"),
    (CPU, "git", "warning", RESOLVED, 61.0, 1500, None, "CPU at 91 %, threshold 85 %"),
    (GONE, "edge-sgp", "critical", RESOLVED, 1.0, 4300, "ann", "No answer: timed out"),
)


async def fill_alerts(alerting: AlertingDouble, records: Records, now_ms: int) -> None:
    """Put alerts in every state, with their history and notifications."""

    async def put(alert: Alert, before: AlertState = AlertState.INACTIVE) -> Alert:
        ended = alert.state is RESOLVED
        status = NotificationStatus.RESOLVED if ended else NotificationStatus.FIRING
        body = webhook_body(alert, status, "phone", "up", "http://demo").to_json()
        return await alerting.put(alert, before, body)

    by_name = {name: instance for instance, name in ADDRESSES.items()}
    for rule, host, severity, state, value, minutes, by, why in reversed(ALERTS):
        began = now_ms - minutes * 60_000
        alert = replace(
            an_alert(
                PENDING,
                name=rule,
                instance=by_name[host],
                severity=severity,
                summary=why,
                value=value,
                now_ms=began,
            )
        )
        alert = await put(alert)
        if state is not PENDING:
            fired = began + 300_000
            alert = replace(alert, state=FIRING, fired_ms=fired, changed_ms=fired)
            alert = await put(alert, PENDING)
            if by:
                await alerting.acknowledge(alert.id, by)
        if state in (RESOLVED, NO_DATA):
            done = began + 1_260_000
            ended = done if state is RESOLVED else None
            alert = replace(alert, state=state, resolved_ms=ended, changed_ms=done)
            await put(alert, FIRING)
    for waiting in (await records.alerts.waiting(None, 100))[:-2]:
        await records.alerts.delivered(waiting.id, waiting.created_ms + 800)
    await alerting.set_override(CheckOverride(by_name["build-1"], "cpu", warning=92.0))


async def demo_rules(records: Records, alerting: AlertingDouble, clock: Clock) -> StoredRules:
    """Return the stored rules, a group among them."""
    rules = stored_rules_over(records, alerting, clock)
    await rules.add_file(STORED_RULES, "admin")
    return rules


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A demonstration that is served.

    Attributes:
        url: its address.
        app: the application.
        alerting: its alerts.
        records: its relational data.
    """

    url: str
    app: web.Application
    alerting: AlertingDouble
    records: Records


@asynccontextmanager
async def serving(folder: Path, port: int = 0, clock: Clock = system_clock) -> AsyncIterator[str]:
    """Serve the demonstration with its records in a folder; yields the address."""
    async with demonstration(folder, port, clock) as served:
        yield served.url


@asynccontextmanager
async def demonstration(
    folder: Path, port: int = 0, clock: Clock = system_clock
) -> AsyncIterator[Demonstration]:
    """Serve the demonstration with its records in a folder."""
    now_ms, engine, samples = clock(), MadeUpEngine(MemorySamples()), MemorySamples()
    async with (
        opened_records(folder) as records,
        opened_pushes(records, folder, clock) as pushes,
        opened_events(folder) as events,
        aiohttp.ClientSession() as session,
    ):
        await ensure_first_admin(records.accounts, "demo-password", now_ms)
        alerting = alerting_over(records, engine, session, clock)
        await fill_alerts(alerting, records, now_ms)
        keys = await asyncio.to_thread(KeyRing.open, folder / "keys.json", now_ms)
        services = Services(
            hosts=records.hosts,
            host_views=records.host_views,
            accounts=records.accounts,
            alerts=records.alerts,
            audit=records.audit,
            second_factors=records.second_factors,
            keys=keys,
            alerting=alerting,
            samples=samples,
            sample_administration=MemorySamples(),
            cardinality=samples.cardinality,
            engine=engine,
            targets=lambda: statuses(clock()),
            discovered=DiscoveryDouble(["node"]),
            pushes=pushes,
            hosts_changed=pushes.hosts.refresh,
            configuration=FixedConfiguration(),
            registry=CollectorRegistry(),
            conditions=Conditions(clock),
            analytics=analytics_over(AnalyticsSettings(), records, events, clock, Refusals()),
            agent_sessions=AgentSessions.over(SessionSettings(), events.agent_sessions, clock),
            annotations=records.annotations,
            dashboards=records.dashboards,
            dashboard_shares=records.dashboard_shares,
            queries=records.queries,
            preferences=records.preferences,
            identities=records.external_identities,
            managed_rules=await demo_rules(records, alerting, clock),
            status_pages=records.status_pages,
            probes=probes_over(records, keys, clock),
            clock=clock,
            version="0.1.0",
            started_ms=now_ms,
        )
        resources = await asyncio.to_thread(shared_resources)
        app = create_app(services, WebSettings(live_interval_s=1.0), resources)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, **SERVER_OPTIONS)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield Demonstration(url, app, alerting, records)
        finally:
            await runner.cleanup()


async def main(folder: Path) -> None:
    """Serve until interrupted."""
    async with serving(folder, int(sys.argv[1]) if len(sys.argv) > 1 else 9397) as url:
        print(f"{url}  admin / demo-password")  # noqa: T201
        await asyncio.Event().wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        asyncio.run(main(Path(made)))
