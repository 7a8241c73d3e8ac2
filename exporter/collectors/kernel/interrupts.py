"""Interrupts by CPU and device, and software interrupts by CPU and kind."""

from collections.abc import Iterable

from exporter.families import CounterFamily, Family
from exporter.name_filter import ALL_NAMES, NameFilter
from exporter.pairs import pairs
from exporter.roots import Roots, read_lines


class Interrupts:
    """Reads `interrupts`; a host with many CPUs has thousands of series."""

    name = "interrupts"

    def __init__(
        self, roots: Roots, names: NameFilter = ALL_NAMES, *, include_zeros: bool = True
    ) -> None:
        self._path = f"{roots.proc}/interrupts"
        self._names, self._include_zeros = names, include_zeros

    def collect(self) -> Iterable[Family]:
        """Return one counter by CPU, type, controller and devices."""
        family = CounterFamily(
            "node_interrupts_total",
            "Interrupt details.",
            labels=("cpu", "type", "info", "devices"),
        )
        header, *lines = read_lines(self._path)
        cpus = [str(number) for number in range(len(header.split()))]
        for line in lines:
            kind, _, rest = line.partition(":")
            words = rest.split()
            counts, words = words[: len(cpus)], words[len(cpus) :]
            # ERR and MIS have one number for the whole host, and no description.
            if not words:
                continue
            info, devices = _described(kind.strip(), words)
            name = f"{kind.strip()};{info};{devices}"
            if not self._names.accepts(name):
                continue
            for cpu, count in pairs(cpus, counts):
                if self._include_zeros or count != "0":
                    family.add((cpu, kind.strip(), info, devices), int(count))
        return [family]


class SoftInterrupts:
    """Reads `softirqs`."""

    name = "softirqs"

    def __init__(self, roots: Roots) -> None:
        self._path = f"{roots.proc}/softirqs"

    def collect(self) -> Iterable[Family]:
        """Return one counter by CPU and kind."""
        family = CounterFamily(
            "node_softirqs_functions_total", "Softirq counts per CPU.", labels=("cpu", "type")
        )
        for line in read_lines(self._path)[1:]:
            kind, *counts = line.split()
            for cpu, count in enumerate(counts):
                family.add((str(cpu), kind.rstrip(":")), int(count))
        return [family]


def _described(kind: str, words: list[str]) -> tuple[str, str]:
    """Return controller and devices of a numbered interrupt, the description of another one."""
    if not kind.isdecimal():
        return " ".join(words), ""
    return words[0], " ".join(words[1:])
