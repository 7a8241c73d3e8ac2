"""Counters of the network protocols."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

from exporter.families import Family, UntypedFamily
from exporter.kept_files import KeptFile
from exporter.name_filter import ALL_NAMES, NameFilter
from exporter.pairs import pairs
from exporter.roots import Roots

_MOST_LINES = 100


class NetworkStatistics:
    """Reads `net/netstat`, `net/snmp` and `net/snmp6`."""

    name = "netstat"

    def __init__(self, roots: Roots, fields: NameFilter = ALL_NAMES) -> None:
        self._pairs = [KeptFile(f"{roots.proc}/net/{name}") for name in ("netstat", "snmp")]
        self._snmp6 = KeptFile(f"{roots.proc}/net/snmp6")
        self._fields = fields
        # Line of names -> number of names, and position, name and HELP of the counters to
        # export. The kernel's 400 names are the same in each scrape, and 40 of them match.
        self._wanted: dict[str, tuple[int, list[tuple[int, str, str]]]] = {}

    def collect(self) -> Iterable[Family]:
        """Return one untyped family per protocol and counter."""
        for file in self._pairs:
            lines = file.lines()
            # Lines of names and lines of values alternate.
            for names, values in pairs(lines[::2], lines[1::2]):
                yield from self._families(names, values.split())
        with suppress(FileNotFoundError):  # IPv6 may be disabled.
            # Each line is a name and a value: "Ip6InOctets 128".
            words = self._snmp6.text().split()
            names = " ".join(words[::2])
            yield from self._families(names, words[1::2])

    def _families(self, names: str, values: list[str]) -> Iterator[Family]:
        """Yield the wanted counters of a line of names.

        Raises:
            ValueError: there are more or fewer values than names.
        """
        wanted = self._wanted.get(names)
        if wanted is None:
            if len(self._wanted) >= _MOST_LINES:
                self._wanted.clear()
            words = names.split()
            wanted = self._wanted[names] = (len(words), list(self._counters(words)))
        count, counters = wanted
        if len(values) != count:
            raise ValueError(f"{len(values)} values for {count} names: {names[:40]}")
        for position, name, documentation in counters:
            yield UntypedFamily(name, documentation, float(values[position]))

    def _counters(self, names: list[str]) -> Iterator[tuple[int, str, str]]:
        """Yield position, metric name and HELP of the counters that are exported."""
        prefix = names[0].rstrip(":") if names and names[0].endswith(":") else None
        for position, word in enumerate(names):
            if prefix is None:
                protocol, six, counter = word.partition("6")
                protocol += six
            else:
                protocol, counter = prefix, word
            if position or prefix is None:
                name = f"{protocol}_{counter}"
                if self._fields.accepts(name):
                    yield position, f"node_netstat_{name}", f"Statistic {protocol}{counter}."
