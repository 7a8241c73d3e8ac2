"""The outcome of a probe."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model.probing.dns_messages import DnsAnswer


@dataclass
class ProbeReply:
    """The findings of one probe.

    Attributes:
        succeeded: whether the service answers as it should.
        numbers: by metric, without the prefix `probe_`.
        phases_s: how long each phase took, in seconds.
        texts: the labels of metrics whose value is 1, by metric.
    """

    succeeded: bool = False
    numbers: dict[str, float] = field(default_factory=dict)
    phases_s: dict[str, float] = field(default_factory=dict)
    texts: dict[str, dict[str, str]] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time that a block takes to a phase."""
        begun_s = time.monotonic()
        try:
            yield
        finally:
            self.phases_s[name] = self.phases_s.get(name, 0.0) + time.monotonic() - begun_s

    def resolve(self, host: str, port: int, kind: int) -> tuple[int, tuple[object, ...]]:
        """Return the family and the address of a host; record how long the lookup took.

        Raises:
            OSError: the name has no address.
        """
        with self.phase("resolve"):
            family, _, _, _, address = socket.getaddrinfo(host, port, type=kind)[0]
        self.take_address(family)
        return family, address

    def take_address(self, family: int) -> None:
        """Record that a name was looked up, and the family of its address."""
        self.numbers["dns_lookup_time_seconds"] = self.phases_s["resolve"]
        self.numbers["ip_protocol"] = 6 if family == socket.AF_INET6 else 4

    def take_dns(self, answer: DnsAnswer) -> None:
        """Record the answer of a DNS server."""
        self.numbers["dns_answer_rrs"] = answer.counts[0]
        self.numbers["dns_authority_rrs"] = answer.counts[1]
        self.numbers["dns_additional_rrs"] = answer.counts[2]
        self.numbers["dns_query_succeeded"] = answer.code == "NOERROR"


def host_and_port(target: str, port: int | None = None) -> tuple[str, int]:
    """Return the parts of `HOST:PORT` or `[IPV6]:PORT`; the port may have a default.

    Raises:
        ValueError: the text has another form.
    """
    host, colon, number = target.rpartition(":")
    if not colon or target.endswith("]") or (":" in host and not host.endswith("]")):
        host, number = target, ""
    if not number and port is not None:
        return host.strip("[]"), port
    if not host or not number.isdecimal() or not 0 < int(number) < 65536:
        raise ValueError(f"{target!r} is not HOST:PORT")
    return host.strip("[]"), int(number)
