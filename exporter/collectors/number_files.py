"""Families of numbers that the kernel has in one file each, for each device of a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.roots import read_number


class NumberFile(NamedTuple):
    """A file of a device, and the metric that has its number.

    Attributes:
        path: the file, below the device's directory.
        name: the metric's name; it is a counter if the name ends with `_total`.
        documentation: the metric's HELP.
        divisor: the number is in this fraction of the metric's unit.
    """

    path: str
    name: str
    documentation: str
    divisor: float = 1


class NumberFiles:
    """Reads the same files of several devices.

    Args:
        files: the files to read; a device may lack some.
        labels: the names of the labels that identify a device.
        read: returns the number in a file, None for no sample.
    """

    def __init__(
        self,
        files: Sequence[NumberFile],
        labels: Sequence[str],
        read: Callable[[str], float | None] = read_number,
    ) -> None:
        self._files, self._labels, self._read = files, labels, read

    def families(self, devices: Iterable[tuple[Sequence[str], str]]) -> list[Family]:
        """Return one family per file that a device has.

        Args:
            devices: the label values and the directory of each device.
        """
        families: dict[str, Family] = {}
        for values, directory in devices:
            for file in self._files:
                number = self._read(f"{directory}/{file.path}")
                if number is None:
                    continue
                family = families.get(file.name)
                if family is None:
                    kind = CounterFamily if file.name.endswith("_total") else GaugeFamily
                    family = kind(file.name, file.documentation, labels=self._labels)
                    families[file.name] = family
                family.add(values, number / file.divisor if file.divisor != 1 else number)
        return list(families.values())
