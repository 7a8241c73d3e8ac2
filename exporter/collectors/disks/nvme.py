"""Model, firmware and state of NVMe drives."""

from collections.abc import Iterable

from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, list_names, read_value

_ATTRIBUTES = ("firmware_rev", "model", "serial", "state")


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
            labels=("device", "firmware_revision", "model", "serial", "state"),
        )
        for device in list_names(self._class):
            values = [
                read_value(f"{self._class}/{device}/{attribute}") or "" for attribute in _ATTRIBUTES
            ]
            family.add((device, *values), 1)
        if not family:
            raise NoDataError("no NVMe drive")
        return [family]
