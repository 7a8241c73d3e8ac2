"""Statistics of each NFS mount of this host.

Source: the kernel's fs/nfs/super.c and net/sunrpc/xprtsock.c.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from exporter.collectors.filesystems.mountstats_fields import (
    BYTES,
    EVENTS,
    OPERATIONS,
    TRANSPORTS,
    Field,
)
from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.roots import Roots, read_lines

_MOUNT = ("export", "protocol", "mountaddr")
_MILLISECONDS = 1000
# node_exporter starts a counter again where a float would no longer hold it exactly.
_EXACT = 2**53
# The columns of a transport after its name, by protocol; "" is not exported.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "tcp": (
        "",
        "transport_bind_total",
        "transport_connect_total",
        "",
        "transport_idle_time_seconds",
        "transport_sends_total",
        "transport_receives_total",
        "transport_bad_transaction_ids_total",
        "",
        "transport_backlog_queue_total",
        "transport_maximum_rpc_slots",
        "transport_sending_queue_total",
        "transport_pending_queue_total",
    ),
    "udp": (
        "",
        "transport_bind_total",
        "transport_sends_total",
        "transport_receives_total",
        "transport_bad_transaction_ids_total",
        "",
        "transport_backlog_queue_total",
        "transport_maximum_rpc_slots",
        "transport_sending_queue_total",
        "transport_pending_queue_total",
    ),
}


class NFSMount(NamedTuple):
    """The lines about one NFS mount."""

    device: str
    mountpoint: str
    lines: list[str]


class MountStatistics:
    """Reads `self/mountstats`, and `self/mountinfo` for the servers' addresses."""

    name = "mountstats"

    def __init__(self, roots: Roots) -> None:
        self._directory = f"{roots.proc}/self"

    def collect(self) -> Iterable[Family]:
        """Return bytes, events, operations and transports, each mount once.

        Raises:
            NoDataError: there is no NFS mount.
        """
        families = _Families()
        addresses = self._addresses()
        seen: set[tuple[str, ...]] = set()
        for section in _sections(read_lines(f"{self._directory}/mountstats")):
            transports = [line.split()[1:] for line in section.lines if line.startswith("xprt:")]
            protocol = transports[0][0] if transports else ""
            mount = (section.device, protocol, addresses.get(section.mountpoint, ""))
            if mount not in seen:
                seen.add(mount)
                _add_mount(families, mount, section.lines)
                for number, transport in enumerate(transports):
                    _add_transport(families, (*mount, str(number)), transport)
        if not seen:
            raise NoDataError("no NFS mount")
        return families.found.values()

    def _addresses(self) -> dict[str, str]:
        """Return the server's address by mount point."""
        found = {}
        for line in read_lines(f"{self._directory}/mountinfo"):
            words = line.split(" ")
            for option in words[-1].split(","):
                if option.startswith("addr="):
                    found[words[4]] = option.removeprefix("addr=")
        return found


class _Families:
    """Metric families by name; a family without a sample does not exist."""

    def __init__(self) -> None:
        self.found: dict[str, Family] = {}

    def add(
        self, field: Field, labels: tuple[str, ...], values: tuple[str, ...], value: float
    ) -> None:
        family = self.found.get(field[0])
        if family is None:
            kind = CounterFamily if field[0].endswith("_total") else GaugeFamily
            family = kind(f"node_mountstats_nfs_{field[0]}", field[1], labels=labels)
            self.found[field[0]] = family
        family.add(values, value)


def _sections(lines: list[str]) -> Iterator[NFSMount]:
    """Yield the sections of NFS mounts that have statistics."""
    section: NFSMount | None = None
    for line in lines:
        words = line.split()
        if line.startswith("device ") and len(words) >= 8:
            if section is not None:
                yield section
            is_nfs = words[7] in ("nfs", "nfs4") and len(words) > 8
            section = NFSMount(words[1], words[4], []) if is_nfs else None
        elif section is not None:
            section.lines.append(line.strip())
    if section is not None:
        yield section


def _add_mount(families: _Families, mount: tuple[str, ...], lines: list[str]) -> None:
    is_operation = False
    for line in lines:
        name, _, rest = line.partition(":")
        words = rest.split()
        if line.startswith("per-op statistics"):
            is_operation = True
        elif is_operation and words:
            for field, word in zip(OPERATIONS, words):
                divisor = _MILLISECONDS if "time_seconds" in field[0] else 1
                value = int(word) % _EXACT / divisor
                families.add(field, (*_MOUNT, "operation"), (*mount, name.strip()), value)
        elif name == "age":
            field = ("age_seconds_total", "The age of the NFS mount in seconds.")
            families.add(field, _MOUNT, mount, int(words[0]))
        elif name in ("bytes", "events"):
            for known, word in zip(BYTES if name == "bytes" else EVENTS, words):
                if known is not None:
                    families.add(known, _MOUNT, mount, int(word) % _EXACT)


def _add_transport(families: _Families, labels: tuple[str, ...], transport: list[str]) -> None:
    protocol, *numbers = transport
    columns = _COLUMNS.get(protocol, ())
    values = dict(zip(columns, numbers))
    for field in TRANSPORTS:
        # Zero is what a protocol without the column has, as in node_exporter.
        value = int(values.get(field[0], "0")) % _EXACT
        families.add(field, (*_MOUNT, "transport"), labels, value)
