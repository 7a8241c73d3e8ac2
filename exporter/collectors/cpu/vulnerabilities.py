"""Vulnerabilities of the CPU, and how the kernel mitigates them.

Source: the kernel's Documentation/ABI/testing/sysfs-devices-system-cpu.
"""

from collections.abc import Iterable

from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, list_names, read_value

_STATES = ("not affected", "vulnerable", "mitigation")


class Vulnerabilities:
    """Reads `devices/system/cpu/vulnerabilities`."""

    name = "cpu_vulnerabilities"

    def __init__(self, roots: Roots) -> None:
        self._directory = f"{roots.sys}/devices/system/cpu/vulnerabilities"

    def collect(self) -> Iterable[Family]:
        """Return the state and the mitigation by vulnerability."""
        family = GaugeFamily(
            "node_cpu_vulnerabilities_info",
            (
                "Details of each CPU vulnerability reported by sysfs. The value of the "
                "series is an int encoded state of the vulnerability. The same state is "
                "stored as a string in the label"
            ),
            labels=("codename", "state", "mitigation"),
        )
        for name in list_names(self._directory):
            text = read_value(f"{self._directory}/{name}") or ""
            state, _, mitigation = text.partition(": ")
            state = next((one for one in _STATES if state.lower().startswith(one)), "unknown")
            family.add((name, state, mitigation if state != "unknown" else ""), 1)
        if not family:
            raise NoDataError("the kernel does not know its CPU's vulnerabilities")
        return [family]
