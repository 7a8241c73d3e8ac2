"""Current frequency of each CPU, its limits and its governor."""

from collections.abc import Iterable

from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.kept_files import KeptFiles
from exporter.roots import Roots, list_names

# sysfs attribute -> metric name and HELP. Only root can read cpuinfo_cur_freq.
_FREQUENCIES = {
    "cpuinfo_cur_freq": (
        "node_cpu_frequency_hertz",
        "Current CPU thread frequency in hertz.",
    ),
    "cpuinfo_min_freq": (
        "node_cpu_frequency_min_hertz",
        "Minimum CPU thread frequency in hertz.",
    ),
    "cpuinfo_max_freq": (
        "node_cpu_frequency_max_hertz",
        "Maximum CPU thread frequency in hertz.",
    ),
    "scaling_cur_freq": (
        "node_cpu_scaling_frequency_hertz",
        "Current scaled CPU thread frequency in hertz.",
    ),
    "scaling_min_freq": (
        "node_cpu_scaling_frequency_min_hertz",
        "Minimum scaled CPU thread frequency in hertz.",
    ),
    "scaling_max_freq": (
        "node_cpu_scaling_frequency_max_hertz",
        "Maximum scaled CPU thread frequency in hertz.",
    ),
}
_KILOHERTZ = 1000


class CPUFrequency:
    """Reads `devices/system/cpu/cpu*/cpufreq`."""

    name = "cpufreq"

    def __init__(self, roots: Roots) -> None:
        self._cpus = f"{roots.sys}/devices/system/cpu"
        self._files = KeptFiles()

    def collect(self) -> Iterable[Family]:
        """Return frequencies and governors by CPU."""
        families = {
            attribute: GaugeFamily(*known, labels=("cpu",))
            for attribute, known in _FREQUENCIES.items()
        }
        governors = GaugeFamily(
            "node_cpu_scaling_governor",
            "Current enabled CPU frequency governor.",
            labels=("cpu", "governor"),
        )
        for name in list_names(self._cpus):
            cpu = name.removeprefix("cpu")
            directory = f"{self._cpus}/{name}/cpufreq"
            if not cpu.isdecimal() or not (present := list_names(directory)):
                continue
            for attribute in families.keys() & present:
                family = families[attribute]
                kilohertz = self._files.number(f"{directory}/{attribute}")
                if kilohertz is not None:
                    family.add((cpu,), kilohertz * _KILOHERTZ)
            self._add_governors(directory, cpu, governors)
        self._files.close_unread()
        found = [family for family in (*families.values(), governors) if family]
        if not found:
            raise NoDataError("no CPU reports its frequency")
        return found

    def _add_governors(self, directory: str, cpu: str, family: GaugeFamily) -> None:
        current = self._files.value(f"{directory}/scaling_governor")
        for governor in (
            self._files.value(f"{directory}/scaling_available_governors") or ""
        ).split():
            family.add((cpu, governor), governor == current)
