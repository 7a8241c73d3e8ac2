"""DNS discovery: one target for each DNS record of a name.

Source: Prometheus documentation, "Configuration", dns_sd_config.
"""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import aiodns
from aiodns.error import ARES_ENODATA, ARES_ENOTFOUND, DNSError
from pycares import DNSRecord, MXRecordData, NSRecordData, SRVRecordData

from model.labels import Labels
from scraper.discovery.engine.feed import Feed
from scraper.discovery.groups import DiscoveryError, TargetGroup
from scraper.fetching.http_session import HttpSession

RecordType = Literal["A", "AAAA", "SRV", "MX", "NS"]

_FAMILIES = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}

# The name has no such record: an empty result, not a failure.
_NO_ADDRESS = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
_NO_RECORD = frozenset({ARES_ENODATA, ARES_ENOTFOUND})

_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class DnsServer:
    """A DNS server to use instead of the system's."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class DnsDiscoverer:
    """Looks up DNS names at regular intervals.

    Attributes:
        names: the names.
        record: the record type.
        port: the port of every target; SRV records contain a port.
        refresh_s: time between two lookups.
        server: the server for records other than addresses, None for the system's.
    """

    names: tuple[str, ...]
    record: RecordType
    port: int
    refresh_s: float
    server: DnsServer | None = None

    @property
    def mechanism(self) -> str:
        """See `Discoverer.mechanism`."""
        return "dns"

    async def run(self, session: HttpSession, feed: Feed) -> None:
        """See `Discoverer.run`."""
        groups: dict[str, Sequence[TargetGroup]] = {}
        while True:
            for name in self.names:
                try:
                    groups[name] = await self._look_up(name)
                except (DiscoveryError, OSError) as exc:
                    feed.failed(exc, name=name)
                else:
                    feed.succeeded(name=name)
            # If no name was resolved yet, the groups are unknown rather than empty.
            if groups:
                feed.publish([group for found in groups.values() for group in found])
            await asyncio.sleep(self.refresh_s)

    async def _look_up(self, name: str) -> Sequence[TargetGroup]:
        if self.record in _FAMILIES:
            return [await self._addresses(name)]
        groups = [_group(name, record, self.port) for record in await self._records(name)]
        return sorted(filter(None, groups), key=lambda group: group.addresses)

    async def _addresses(self, name: str) -> TargetGroup:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                name, self.port, family=_FAMILIES[self.record], type=socket.SOCK_STREAM
            )
        except socket.gaierror as exc:
            if exc.errno not in _NO_ADDRESS:
                raise
            found = []
        hosts = sorted({str(address[0]) for *_, address in found})
        addresses = [
            f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}" for host in hosts
        ]
        return TargetGroup(tuple(addresses), Labels.of(__meta_dns_name=name))

    async def _records(self, name: str) -> Sequence[DNSRecord]:
        """Return the records of a name.

        Raises:
            DiscoveryError: no server answered, or the server refused.
        """
        # A new resolver each time, because the system's name servers may have changed.
        async with self._resolver() as resolver:
            try:
                return (await resolver.query_dns(name, self.record)).answer
            except DNSError as exc:
                code, reason = exc.args
                if code in _NO_RECORD:
                    return []
                raise DiscoveryError(str(reason)) from exc

    def _resolver(self) -> aiodns.DNSResolver:
        if self.server is None:
            return aiodns.DNSResolver(timeout=_TIMEOUT_S)
        port = self.server.port
        return aiodns.DNSResolver(
            [self.server.address], timeout=_TIMEOUT_S, udp_port=port, tcp_port=port
        )


def _group(name: str, record: DNSRecord, port: int) -> TargetGroup | None:
    """Return the target of a record; None for other record types, for example CNAME."""
    match record.data:
        case SRVRecordData(port=own_port, target=host):
            meta = {"srv_record_target": _rooted(host), "srv_record_port": str(own_port)}
            port = own_port
        case MXRecordData(exchange=host):
            meta = {"mx_record_target": _rooted(host)}
        case NSRecordData(nsdname=host):
            meta = {"ns_record_target": _rooted(host)}
        case _:
            return None
    labels = {"__meta_dns_name": name}
    labels.update({f"__meta_dns_{key}": value for key, value in meta.items()})
    return TargetGroup((f"{host.rstrip('.')}:{port}",), Labels.of(labels))


def _rooted(host: str) -> str:
    return host if host.endswith(".") else f"{host}."
