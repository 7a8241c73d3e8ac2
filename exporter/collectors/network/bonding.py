"""Bonded network interfaces: how many links each has, and how many are up."""

from collections.abc import Iterable

from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, read_value


class Bonding:
    """Reads `class/net/*/bonding`."""

    name = "bonding"

    def __init__(self, roots: Roots) -> None:
        self._class = f"{roots.sys}/class/net"

    def collect(self) -> Iterable[Family]:
        """Return the numbers of configured and active links, by bonded interface."""
        masters = read_value(f"{self._class}/bonding_masters")
        if not masters:
            raise NoDataError("no bonded interface")
        configured = GaugeFamily(
            "node_bonding_slaves",
            "Number of configured slaves per bonding interface.",
            labels=("master",),
        )
        active = GaugeFamily(
            "node_bonding_active",
            "Number of active slaves per bonding interface.",
            labels=("master",),
        )
        for master in masters.split():
            links = (read_value(f"{self._class}/{master}/bonding/slaves") or "").split()
            configured.add((master,), len(links))
            active.add((master,), sum(self._is_up(master, link) for link in links))
        return [configured, active]

    def _is_up(self, master: str, link: str) -> bool:
        # Kernels before 3.16 have the prefix slave_ instead of lower_.
        return any(
            read_value(f"{self._class}/{master}/{prefix}_{link}/bonding_slave/mii_status") == "up"
            for prefix in ("lower", "slave")
        )
