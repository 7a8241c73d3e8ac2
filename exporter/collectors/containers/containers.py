"""CPU, memory, I/O and network of each container, from cgroup v2, with cAdvisor's names.

Source: the kernel's Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from exporter.collectors.containers.engine import ContainerEngine, EngineContainer
from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.roots import Roots, read_lines, read_number, read_value

# Docker, Podman, containerd and CRI-O name a cgroup by the container's id; LXC by its name.
_ID: Final = re.compile(r"(?:^|[-.])([0-9a-f]{64})(?:\.scope)?$")
_LXC: Final = re.compile(r"lxc\.payload\.(.+)$")
_MOST_CGROUPS: Final = 20_000
_MOST_DEPTH: Final = 10
_MICROSECONDS: Final = 1e6
_LABELS: Final = ("id", "name", "image")

# File, key, metric, HELP, divisor. A file without keys has one number.
_NUMBERS: Final = (
    (
        "cpu.stat",
        "usage_usec",
        "cpu_usage_seconds_total",
        "Cumulative cpu time consumed in seconds.",
        _MICROSECONDS,
    ),
    (
        "cpu.stat",
        "user_usec",
        "cpu_user_seconds_total",
        "Cumulative user cpu time consumed in seconds.",
        _MICROSECONDS,
    ),
    (
        "cpu.stat",
        "system_usec",
        "cpu_system_seconds_total",
        "Cumulative system cpu time consumed in seconds.",
        _MICROSECONDS,
    ),
    (
        "cpu.stat",
        "nr_periods",
        "cpu_cfs_periods_total",
        "Number of elapsed enforcement period intervals.",
        1,
    ),
    (
        "cpu.stat",
        "nr_throttled",
        "cpu_cfs_throttled_periods_total",
        "Number of throttled period intervals.",
        1,
    ),
    (
        "cpu.stat",
        "throttled_usec",
        "cpu_cfs_throttled_seconds_total",
        "Total time duration the container has been throttled.",
        _MICROSECONDS,
    ),
    (
        "memory.current",
        "",
        "memory_usage_bytes",
        "Current memory usage in bytes, including all memory regardless of when it was accessed.",
        1,
    ),
    ("memory.stat", "anon", "memory_rss", "Size of RSS in bytes.", 1),
    ("memory.stat", "file", "memory_cache", "Number of bytes of page cache memory.", 1),
    ("memory.swap.current", "", "memory_swap", "Container swap usage in bytes.", 1),
    ("memory.max", "", "spec_memory_limit_bytes", "Memory limit for the container.", 1),
    (
        "memory.events",
        "oom_kill",
        "oom_events_total",
        "Count of out of memory events observed for the container.",
        1,
    ),
    ("pids.current", "", "processes", "Number of processes running inside the container.", 1),
)
_DISK: Final = (
    ("rbytes", "fs_reads_bytes_total", "Cumulative count of bytes read."),
    ("wbytes", "fs_writes_bytes_total", "Cumulative count of bytes written."),
    ("rios", "fs_reads_total", "Cumulative count of reads completed."),
    ("wios", "fs_writes_total", "Cumulative count of writes completed."),
)
# The columns of /proc/PID/net/dev.
_NETWORK: Final = (
    (0, "network_receive_bytes_total", "Cumulative count of bytes received."),
    (1, "network_receive_packets_total", "Cumulative count of packets received."),
    (2, "network_receive_errors_total", "Cumulative count of errors encountered while receiving."),
    (
        3,
        "network_receive_packets_dropped_total",
        "Cumulative count of packets dropped while receiving.",
    ),
    (8, "network_transmit_bytes_total", "Cumulative count of bytes transmitted."),
    (9, "network_transmit_packets_total", "Cumulative count of packets transmitted."),
    (
        10,
        "network_transmit_errors_total",
        "Cumulative count of errors encountered while transmitting.",
    ),
    (
        11,
        "network_transmit_packets_dropped_total",
        "Cumulative count of packets dropped while transmitting.",
    ),
)


class _ContainerCgroup(NamedTuple):
    """A container's cgroup: its path below the root, its directory, id and name."""

    path: str
    directory: str
    identity: str
    name: str


class Containers:
    """Reads `fs/cgroup`, and the network of each container's first process.

    Args:
        roots: where to read.
        engine: knows names, images and restarts.
    """

    name = "containers"

    def __init__(self, roots: Roots, engine: ContainerEngine | None = None) -> None:
        self._root, self._proc = f"{roots.sys}/fs/cgroup", roots.proc
        self._engine = engine or ContainerEngine(roots)

    def collect(self) -> Iterable[Family]:
        """Return the figures of each container, by cgroup, name and image.

        Raises:
            NoDataError: the host has no cgroup v2, or no container.
        """
        if read_value(f"{self._root}/cgroup.controllers") is None:
            raise NoDataError("the host has no cgroup v2")
        found = list(self._cgroups())
        if not found:
            raise NoDataError("the host has no containers")
        known = self._engine.containers()
        families: dict[str, Family] = {}
        host_devices = _interfaces(f"{self._proc}/1/net/dev")
        for cgroup in found:
            container = known.get(cgroup.identity, EngineContainer(cgroup.name, ""))
            labels = (cgroup.path, container.name, container.image)
            _add_numbers(families, cgroup.directory, labels)
            _add_disks(families, cgroup.directory, labels)
            if container.restarts is not None:
                _family(families, "restarts_total", "Restarts by the engine.").add(
                    labels, container.restarts
                )
            devices = self._devices(cgroup.directory)
            if not container.shares_network and devices.keys() != host_devices.keys():
                _add_network(families, devices, labels)
        return list(families.values())

    def _cgroups(self) -> Iterator[_ContainerCgroup]:
        seen = 0
        for directory, children, _ in os.walk(self._root):
            seen += 1
            if seen > _MOST_CGROUPS or directory.count("/") - self._root.count("/") >= _MOST_DEPTH:
                children.clear()
                continue
            children.sort()
            path = directory.removeprefix(self._root) or "/"
            last = path.rpartition("/")[2]
            identity, lxc = _ID.search(last), _LXC.match(last)
            if identity or lxc:
                # What is in a container is part of it.
                children.clear()
                name = identity[1][:12] if identity else lxc[1] if lxc else ""
                yield _ContainerCgroup(path, directory, identity[1] if identity else "", name)

    def _devices(self, directory: str) -> Mapping[str, list[str]]:
        """Return the columns of a container's network interfaces, by name."""
        for place in ("", "/init.scope", "/container"):
            pid = (read_value(f"{directory}{place}/cgroup.procs") or "").partition("\n")[0]
            if pid.isdecimal() and pid != "0":
                return _interfaces(f"{self._proc}/{pid}/net/dev")
        return {}


def _family(families: dict[str, Family], name: str, documentation: str, label: str = "") -> Family:
    family = families.get(name)
    if family is None:
        kind = CounterFamily if name.endswith("_total") else GaugeFamily
        labels = (*_LABELS, label) if label else _LABELS
        family = families[name] = kind(f"container_{name}", documentation, labels=labels)
    return family


def _add_numbers(families: dict[str, Family], directory: str, labels: tuple[str, ...]) -> None:
    tables = {
        name: _table(f"{directory}/{name}") for name in ("cpu.stat", "memory.stat", "memory.events")
    }
    for file, key, name, documentation, divisor in _NUMBERS:
        # memory.max is the word "max" where there is no limit.
        number = tables[file].get(key) if key else read_number(f"{directory}/{file}")
        if number is not None:
            _family(families, name, documentation).add(
                labels, number / divisor if divisor != 1 else number
            )
    used, idle = (
        read_number(f"{directory}/memory.current"),
        tables["memory.stat"].get("inactive_file"),
    )
    if used is not None and idle is not None:
        documentation = "Current working set in bytes."
        _family(families, "memory_working_set_bytes", documentation).add(
            labels, max(0, used - idle)
        )


def _add_disks(families: dict[str, Family], directory: str, labels: tuple[str, ...]) -> None:
    for line in _lines(f"{directory}/io.stat"):
        device, *pairs = line.split() or [""]
        values = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        for key, name, documentation in _DISK:
            if values.get(key, "").isdecimal():
                family = _family(families, name, documentation, "device")
                family.add((*labels, device), int(values[key]))


def _add_network(
    families: dict[str, Family], devices: Mapping[str, list[str]], labels: tuple[str, ...]
) -> None:
    for device, columns in devices.items():
        for column, name, documentation in _NETWORK:
            if device != "lo" and column < len(columns) and columns[column].isdecimal():
                family = _family(families, name, documentation, "interface")
                family.add((*labels, device), int(columns[column]))


def _table(path: str) -> dict[str, int]:
    pairs = (line.split() for line in _lines(path))
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}


def _interfaces(path: str) -> dict[str, list[str]]:
    rows = (line.rpartition(":") for line in _lines(path)[2:])
    return {name.strip(): columns.split() for name, colon, columns in rows if colon}


def _lines(path: str) -> list[str]:
    """Return a file's lines; none if the container has just ended."""
    try:
        return read_lines(path)
    except OSError:
        return []
