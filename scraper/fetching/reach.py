"""Which addresses a target may be at.

Hosts that people add must not make the server ask what they could not ask themselves
(server-side request forgery).

An address is judged when a connection is made, after its name was resolved, so that
neither a name that changes what it points to, nor a redirect, nor an unusual way to
write an address gets around it.

Source: OWASP, "Server Side Request Forgery Prevention Cheat Sheet"; RFC 6890.
"""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class RefusedAddressError(OSError):
    """Nothing may be connected to there; an OSError, as other failed connections are."""


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


# In none of these is a host's exporter; most answer to whoever asks from the right
# machine, with that machine's credentials.
_NEVER: Final[tuple[tuple[str, tuple[Network, ...]], ...]] = (
    (
        "cloud metadata",
        _networks(
            "169.254.169.254/32",  # nearly every cloud
            "169.254.170.0/24",  # Amazon's containers
            "100.100.100.200/32",  # Alibaba
            "168.63.129.16/32",  # Azure
            "192.0.0.192/32",  # Oracle
            "fd00:ec2::/32",  # Amazon
            "fd20:ce::254/128",  # Google
        ),
    ),
    ("link-local", _networks("169.254.0.0/16", "fe80::/10")),
    ("the unspecified address", _networks("0.0.0.0/8", "::/128")),
    ("multicast", _networks("224.0.0.0/4", "ff00::/8")),
    ("reserved", _networks("240.0.0.0/4")),
)

_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")


@dataclass(frozen=True, slots=True)
class Reach:
    """Which addresses may be connected to.

    Attributes:
        private: whether those that are not reachable from the internet may.
        allowed: may in any case.
        refused: may not, unless allowed.
    """

    private: bool = True
    allowed: tuple[Network, ...] = ()
    refused: tuple[Network, ...] = ()

    def refusal(self, text: str) -> str:
        """Return why nothing may be connected to at an address, "" if it may."""
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return "is no address"
        return next(filter(None, map(self._refusal, _meanings(address))), "")

    def _refusal(self, address: Address) -> str:
        if _lies_in(address, self.allowed):
            return ""
        if _lies_in(address, self.refused):
            return f"{address} is in a refused network"
        for name, networks in _NEVER:
            if _lies_in(address, networks):
                return f"{address} is refused: {name}"
        if not self.private and not address.is_global:
            return f"{address} is refused: private networks are"
        return ""

    def socket_factory(self) -> Callable[[Any], socket.socket]:
        """Return what makes the sockets of a connector that keeps to this."""

        def make(info: tuple[Any, Any, Any, Any, tuple[Any, ...]]) -> socket.socket:
            family, kind, protocol, _, where = info
            refusal = self.refusal(str(where[0]))
            if refusal:
                raise RefusedAddressError(refusal)
            return socket.socket(family, kind, protocol)

        return make


def _lies_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


def _meanings(address: Address) -> Iterator[Address]:
    """Yield the address and the IPv4 addresses that a gateway may take it for."""
    yield address
    if isinstance(address, IPv4Address):
        return
    number = int(address)
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address in _TRANSLATED or (address in _COMPATIBLE and number > 1):
        yield IPv4Address(number & 0xFFFF_FFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo


class ReachSettings(BaseModel):
    """Where a host that was added in the pages or by the API may be.

    Attributes:
        private_networks: whether it may be at an address that the internet does not
            reach; monitoring such hosts is what most servers are for.
        allowed_networks: it may be there in any case, link-local and metadata too.
        refused_networks: it may not be there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    private_networks: bool = True
    allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    refused_networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def reach(self) -> Reach:
        """Return it as targets hold it."""
        return Reach(self.private_networks, self.allowed_networks, self.refused_networks)
