"""Targets looked up in the DNS: one for each address of a name."""

import asyncio
import socket
from dataclasses import dataclass
from typing import Literal

import structlog

from model.labels import Labels
from scraper.discovery.groups import Publish, TargetGroup
from scraper.http_session import HttpSession

log = structlog.get_logger(__name__)

RecordType = Literal["A", "AAAA"]

# These say that the name has no such address, which is an answer.
_NOTHING = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


@dataclass(frozen=True, slots=True)
class DnsSource:
    """Asks the system's resolver.

    Attributes:
        names: what is looked up.
        record: the kind of address.
        port: that of every target.
        refresh_s: how often.
    """

    names: tuple[str, ...]
    record: RecordType
    port: int
    refresh_s: float

    async def run(self, session: HttpSession, publish: Publish) -> None:
        """See `TargetSource.run`."""
        groups: dict[str, TargetGroup] = {}
        known: dict[str, TargetGroup] | None = None
        while True:
            for name in self.names:
                try:
                    groups[name] = await self._look_up(name)
                except OSError as exc:
                    log.warning("discovery_failed", kind="dns_sd", name=name, error=str(exc))
            if groups != known:
                known = dict(groups)
                publish(list(groups.values()))
            await asyncio.sleep(self.refresh_s)

    async def _look_up(self, name: str) -> TargetGroup:
        family = socket.AF_INET if self.record == "A" else socket.AF_INET6
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                name, self.port, family=family, type=socket.SOCK_STREAM
            )
        except socket.gaierror as exc:
            if exc.errno not in _NOTHING:
                raise
            found = []
        hosts = sorted({str(address[0]) for *_, address in found})
        addresses = [
            f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}" for host in hosts
        ]
        return TargetGroup(tuple(addresses), Labels.of(__meta_dns_name=name))
