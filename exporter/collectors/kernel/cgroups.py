"""Control groups by controller (version 1)."""

from collections.abc import Iterable

from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, read_lines


class ControlGroups:
    """Reads `cgroups`."""

    name = "cgroups"

    def __init__(self, roots: Roots) -> None:
        self._path = f"{roots.proc}/cgroups"

    def collect(self) -> Iterable[Family]:
        """Return the number of groups, and whether it is enabled, by controller."""
        groups = GaugeFamily(
            "node_cgroups_cgroups",
            "Current cgroup number of the subsystem.",
            labels=("subsys_name",),
        )
        # node_exporter has the same text for both.
        enabled = GaugeFamily(
            "node_cgroups_enabled",
            "Current cgroup number of the subsystem.",
            labels=("subsys_name",),
        )
        for line in read_lines(self._path):
            if line.startswith("#"):
                continue
            name, _, number, is_enabled = line.split()
            groups.add((name,), int(number))
            enabled.add((name,), int(is_enabled))
        return [groups, enabled]
