"""The address policy: the networks in which the server may connect to targets.

A user who adds a host must not be able to make the server send requests that the user
could not send (server-side request forgery).

The policy checks the address of each connection, after name resolution. A DNS name that
changes its address, a redirect, or an unusual notation of an address cannot bypass it.

Source: OWASP, "Server Side Request Forgery Prevention Cheat Sheet"; RFC 6890.
"""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network


class RefusedAddressError(OSError):
    """The policy refuses the address; an OSError, like any failed connection."""


def _networks(*texts: str) -> tuple[IPNetwork, ...]:
    return tuple(ip_network(text) for text in texts)


# No exporter runs in these networks. Most of these services give credentials to any
# process on the machine that sends a request.
_ALWAYS_REFUSED: Final[tuple[tuple[str, tuple[IPNetwork, ...]], ...]] = (
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
    # RFC 8215: where a prefix of this network ends, and with it the IPv4 address begins,
    # is each network's own choice.
    ("NAT64 of the local network", _networks("64:ff9b:1::/48")),
)

_NAT64: Final = IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE: Final = IPv6Network("::/96")


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """The networks to which connections are allowed.

    Attributes:
        private: whether addresses that are not globally reachable are allowed.
        allowed: networks that are always allowed.
        refused: networks that are refused unless in `allowed`.
    """

    private: bool = True
    allowed: tuple[IPNetwork, ...] = ()
    refused: tuple[IPNetwork, ...] = ()

    def refusal(self, text: str) -> str:
        """Return why the policy refuses an address, "" if it allows the address."""
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return f'"{text}" is not an IP address'
        return next(filter(None, map(self._refusal, _destinations(address))), "")

    def _refusal(self, address: IPAddress) -> str:
        if _is_in(address, self.allowed):
            return ""
        if _is_in(address, self.refused):
            return f"{address} is in a refused network"
        for name, networks in _ALWAYS_REFUSED:
            if _is_in(address, networks):
                return f"{address} is refused: {name}"
        if not self.private and not address.is_global:
            return f"{address} is refused: private networks are not allowed"
        return ""

    def socket_factory(self) -> Callable[[Any], socket.socket]:
        """Return a socket factory for aiohttp that enforces the policy."""

        def make(info: tuple[Any, Any, Any, Any, tuple[Any, ...]]) -> socket.socket:
            family, kind, protocol, _, address = info
            refusal = self.refusal(str(address[0]))
            if refusal:
                raise RefusedAddressError(refusal)
            return socket.socket(family, kind, protocol)

        return make


def _is_in(address: IPAddress, networks: tuple[IPNetwork, ...]) -> bool:
    return any(address in network for network in networks)


def _destinations(address: IPAddress) -> Iterator[IPAddress]:
    """Yield the address, and each IPv4 address to which a gateway may translate it."""
    yield address
    if isinstance(address, IPv4Address):
        return
    number = int(address)
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address in _NAT64 or (address in _IPV4_COMPATIBLE and number > 1):
        yield IPv4Address(number & 0xFFFF_FFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo


class AddressPolicySettings(BaseModel):
    """The allowed addresses of hosts that users add in the pages or by the API.

    Attributes:
        private_networks: whether addresses that are not globally reachable are allowed;
            most servers monitor such hosts.
        allowed_networks: always allowed, including link-local and metadata addresses.
        refused_networks: refused unless in `allowed_networks`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    private_networks: bool = True
    allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    refused_networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def policy(self) -> AddressPolicy:
        """Return the policy of these settings."""
        return AddressPolicy(self.private_networks, self.allowed_networks, self.refused_networks)
