"""Counters of the network protocols."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from exporter.families import Family, UntypedFamily
from exporter.roots import Roots, read_lines

# The counters that node_exporter exports, out of some 400.
_FIELDS = re.compile(
    r"^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)"
    r"|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)"
    r"|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)"
    r"|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$"
)

_MOST_NAMES = 2000


class NetworkStatistics:
    """Reads `net/netstat`, `net/snmp` and `net/snmp6`."""

    name = "netstat"

    def __init__(self, roots: Roots) -> None:
        self._net = f"{roots.proc}/net"
        # The kernel has 400 names, the same in each scrape: each is matched once.
        self._known: dict[str, tuple[str, str] | None] = {}

    def collect(self) -> Iterable[Family]:
        """Return one untyped family per protocol and counter."""
        pairs = [
            *_two_lines(read_lines(f"{self._net}/netstat")),
            *_two_lines(read_lines(f"{self._net}/snmp")),
        ]
        with suppress(FileNotFoundError):  # IPv6 may be disabled.
            pairs += _one_line(read_lines(f"{self._net}/snmp6"))
        known = self._known
        if len(known) > _MOST_NAMES:
            known.clear()
        for protocol, counter, value in pairs:
            name = f"{protocol} {counter}"
            if name not in known:
                known[name] = _described(protocol, counter)
            described = known[name]
            if described is not None:
                yield UntypedFamily(*described, float(value))


def _described(protocol: str, counter: str) -> tuple[str, str] | None:
    """Return the name and the HELP of a counter, None for one that is not exported."""
    name = f"{protocol}_{counter}"
    if not _FIELDS.match(name):
        return None
    return f"node_netstat_{name}", f"Statistic {protocol}{counter}."


def _two_lines(lines: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield (protocol, counter, value) of a file with alternating lines of names and values."""
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        protocol, *counters = names.split()
        protocol = protocol.rstrip(":")
        for counter, value in zip(counters, values.split()[1:], strict=True):
            yield protocol, counter, value


def _one_line(lines: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield (protocol, counter, value) of a file with lines such as `Ip6InOctets 128`."""
    for line in lines:
        name, value = line.split()
        protocol, six, counter = name.partition("6")
        yield protocol + six, counter, value
