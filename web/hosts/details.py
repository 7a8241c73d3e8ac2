"""The details of a host: system, kernel, hardware, filesystems."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from alerting.host_check_settings import DiskSettings
from model.labels import Labels, quote
from promql.api import QueryEngine
from web.fleet.figures import real_disks
from web.hosts.instant_rows import instant_rows

_INFO_METRICS: Final = "node_uname_info|node_os_info|node_dmi_info"


@dataclass(frozen=True, slots=True)
class Filesystem:
    """One mounted filesystem.

    Attributes:
        available_bytes: what users other than root may still write.
        free_bytes: what nobody uses, the blocks reserved for root included.
    """

    mountpoint: str
    device: str
    fstype: str
    size_bytes: float
    available_bytes: float | None
    free_bytes: float | None

    @property
    def used_ratio(self) -> float | None:
        """The share that is in use or reserved for root, 0 to 1; None if unknown."""
        if self.available_bytes is None or not self.size_bytes:
            return None
        return 1 - self.available_bytes / self.size_bytes

    @property
    def reserved_bytes(self) -> float:
        """What is reserved for root: used here, but neither used nor available in `df`.

        Less than a hundredth is rounding, of hosts that report a percentage.
        """
        if self.available_bytes is None or self.free_bytes is None:
            return 0.0
        reserved = self.free_bytes - self.available_bytes
        return reserved if reserved > self.size_bytes / 100 else 0.0


@dataclass(frozen=True, slots=True)
class HostDetails:
    """The details of a host; "" for what its exporter does not export.

    Attributes:
        hardware: the vendor and the product.
    """

    system: str
    kernel: str
    machine: str
    nodename: str
    hardware: str
    filesystems: tuple[Filesystem, ...]


async def read_details(
    engine: QueryEngine, instance: str, disk: DiskSettings, now_ms: int
) -> HostDetails:
    """Return the details of a host."""
    host = f"instance={quote(instance)}"
    disks = f"{{{host},{real_disks(disk)}}}"
    infos, sizes, available, free = await asyncio.gather(
        instant_rows(engine, f'{{__name__=~"{_INFO_METRICS}",{host}}}', now_ms),
        instant_rows(engine, f"node_filesystem_size_bytes{disks}", now_ms),
        instant_rows(engine, f"node_filesystem_avail_bytes{disks}", now_ms),
        instant_rows(engine, f"node_filesystem_free_bytes{disks}", now_ms),
    )
    by_metric = {labels.metric: labels for labels, _ in infos}
    uname = by_metric.get("node_uname_info", Labels())
    system = by_metric.get("node_os_info", Labels())
    board = by_metric.get("node_dmi_info", Labels())
    return HostDetails(
        system=system.get("pretty_name") or uname.get("sysname"),
        kernel=uname.get("release"),
        machine=uname.get("machine"),
        nodename=uname.get("nodename"),
        hardware=" ".join(filter(None, (board.get("system_vendor"), board.get("product_name")))),
        filesystems=_filesystems(sizes, available, free),
    )


def _filesystems(
    sizes: Sequence[tuple[Labels, float]],
    available: Sequence[tuple[Labels, float]],
    free: Sequence[tuple[Labels, float]],
) -> tuple[Filesystem, ...]:
    available_bytes = {labels.get("mountpoint"): value for labels, value in available}
    free_bytes = {labels.get("mountpoint"): value for labels, value in free}
    return tuple(
        sorted(
            (
                Filesystem(
                    labels.get("mountpoint"),
                    labels.get("device"),
                    labels.get("fstype"),
                    value,
                    available_bytes.get(labels.get("mountpoint")),
                    free_bytes.get(labels.get("mountpoint")),
                )
                for labels, value in sizes
                if value > 0
            ),
            key=lambda filesystem: filesystem.mountpoint,
        )
    )
