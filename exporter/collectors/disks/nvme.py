"""Model, firmware and state of NVMe drives."""

import re
from collections.abc import Iterable

from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.pairs import pairs
from exporter.roots import Roots, list_names, read_number, read_value

_ATTRIBUTES = ("firmware_rev", "model", "serial", "state", "cntlid")
_NAMESPACE = re.compile(r"nvme[0-9]+(?:c[0-9]+)?n([0-9]+)")
_SECTOR_BYTES = 512

_NAMESPACE_SIZES = (
    (
        "node_nvme_namespace_capacity_bytes",
        (
            "Capacity of the NVMe namespace in bytes. Computed as namespace_size * "
            "namespace_logical_block_size"
        ),
    ),
    (
        "node_nvme_namespace_size_bytes",
        (
            "Size of the NVMe namespace in bytes. Available in "
            "/sys/class/nvme/<device>/<namespace>/size"
        ),
    ),
    (
        "node_nvme_namespace_used_bytes",
        (
            "Used space of the NVMe namespace in bytes. Available in "
            "/sys/class/nvme/<device>/<namespace>/nuse"
        ),
    ),
    (
        "node_nvme_namespace_logical_block_size_bytes",
        (
            "Logical block size of the NVMe namespace in bytes. Usually 4Kb. "
            "Available in "
            "/sys/class/nvme/<device>/<namespace>/queue/logical_block_size"
        ),
    ),
)


class NVMeDrives:
    """Reads `class/nvme`."""

    name = "nvme"

    def __init__(self, roots: Roots) -> None:
        self._class = f"{roots.sys}/class/nvme"

    def collect(self) -> Iterable[Family]:
        """Return node_nvme_info."""
        family = GaugeFamily(
            "node_nvme_info",
            "Non-numeric data from /sys/class/nvme/<device>, value is always 1.",
            labels=("device", "firmware_revision", "model", "serial", "state", "cntlid"),
        )
        for device in list_names(self._class):
            values = [
                read_value(f"{self._class}/{device}/{attribute}") or "" for attribute in _ATTRIBUTES
            ]
            family.add((device, *values), 1)
        if not family:
            raise NoDataError("no NVMe drive")
        return [family, *self._namespaces()]

    def _namespaces(self) -> Iterable[Family]:
        """Return the sizes of namespaces, which NVMe gives in logical blocks."""
        labels = ("device", "nsid")
        info = GaugeFamily(
            "node_nvme_namespace_info",
            "Information about NVMe namespaces. Value is always 1",
            labels=(*labels, "ana_state"),
        )
        sizes = [GaugeFamily(*known, labels=labels) for known in _NAMESPACE_SIZES]
        for device in list_names(self._class):
            for name in list_names(f"{self._class}/{device}"):
                match = _NAMESPACE.fullmatch(name)
                directory = f"{self._class}/{device}/{name}"
                sectors = read_number(f"{directory}/size")
                if match is None or sectors is None:
                    continue
                block = read_number(f"{directory}/queue/logical_block_size") or _SECTOR_BYTES
                used = read_number(f"{directory}/nuse") or 0
                state = read_value(f"{directory}/ana_state") or "unknown"
                info.add((device, match[1], state), 1)
                values = (sectors * block, sectors * block, used * block, block)
                for family, value in pairs(sizes, values):
                    family.add((device, match[1]), value)
        return [info, *sizes]
