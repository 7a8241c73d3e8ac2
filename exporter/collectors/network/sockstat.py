"""Sockets by protocol and state."""

import resource
from collections.abc import Iterable, Iterator

from exporter.families import Family, GaugeFamily
from exporter.kept_files import KeptFile
from exporter.pairs import pairs
from exporter.roots import Roots


class SocketStatistics:
    """Reads `net/sockstat` and `net/sockstat6`."""

    name = "sockstat"

    def __init__(self, roots: Roots) -> None:
        self._files = [KeptFile(f"{roots.proc}/net/{name}") for name in ("sockstat", "sockstat6")]
        self._page_bytes = resource.getpagesize()

    def collect(self) -> Iterable[Family]:
        """Return one gauge per protocol and state; memory both in pages and in bytes."""
        for file in self._files:
            try:
                lines = file.lines()
            except FileNotFoundError:
                continue  # IPv4 or IPv6 is disabled.
            for line in lines:
                yield from self._states(line)

    def _states(self, line: str) -> Iterator[Family]:
        protocol, *words = line.split()
        protocol = protocol.rstrip(":")
        for state, text in pairs(words[::2], words[1::2]):
            value = float(text)
            if protocol == "sockets":
                yield GaugeFamily(
                    f"node_sockstat_sockets_{state}", "Number of IPv4 sockets in use.", value
                )
                continue
            yield _gauge(protocol, state, value)
            if state == "mem":
                yield _gauge(protocol, "mem_bytes", value * self._page_bytes)


def _gauge(protocol: str, state: str, value: float) -> Family:
    return GaugeFamily(
        f"node_sockstat_{protocol}_{state}",
        f"Number of {protocol} sockets in state {state}.",
        value,
    )
