"""aiohttp's view of `NameLookup`."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from model.network.name_lookup import NameLookup


class LookupResolver(AbstractResolver):
    """Resolves names by the system's resolver: aiohttp's default ignores nsswitch.conf."""

    def __init__(self, lookup: NameLookup) -> None:
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See `AbstractResolver.resolve`."""
        found = await self._lookup.addresses(host, port, family=family, flags=socket.AI_ADDRCONFIG)
        results = []
        for its_family, _, protocol, _, address in found:
            own = str(address[0])
            if its_family == socket.AF_INET6 and address[3]:
                own = f"{own.partition('%')[0]}%{socket.if_indextoname(address[3])}"
            results.append(
                ResolveResult(
                    hostname=host,
                    host=own,
                    port=address[1],
                    family=its_family,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
            )
        return results

    async def close(self) -> None:
        """Do nothing: the threads end by themselves."""
