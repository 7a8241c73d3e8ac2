import errno
import ipaddress
import socket
import struct
from dataclasses import dataclass

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.network import addresses
from exporter.collectors.network.addresses import (
    InterfaceAddress,
    InterfaceAddresses,
    host_addresses,
    of_messages,
    of_psutil,
)
from exporter.name_filter import NameFilter
from tests.exporter.host_tree import key, samples


@dataclass(frozen=True, slots=True)
class PsutilAddress:
    family: int
    address: str
    netmask: str | None


def attribute(kind: int, payload: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def message(family: int, length: int, index: int, *parts: bytes) -> bytes:
    return struct.pack("=BBBBI", family, length, 0, 0, index) + b"".join(parts)


def an_address(device: str, address: str, length: int) -> InterfaceAddress:
    return InterfaceAddress(device, ipaddress.ip_address(address), length)


def device_name(index: int) -> str:
    if index == 9:
        raise OSError(errno.ENXIO, "No such device or address")
    return f"eth{index}"


def test_addresses_have_a_prefix_length_and_a_scope() -> None:
    found = samples(
        InterfaceAddresses(
            NameFilter(exclude="^veth"),
            lambda: [
                an_address("eth0", "192.0.2.7", 23),
                an_address("eth0", "fe80::1", 64),
                an_address("veth1", "10.0.0.1", 8),
            ],
        )
    )
    name = "node_network_address_info"
    assert found.keys() == {
        key(name, device="eth0", address="192.0.2.7", netmask="23", scope="global"),
        key(name, device="eth0", address="fe80::1", netmask="64", scope="link-local"),
    }


def test_kernels_answers_are_read_with_aliases_and_without_peers() -> None:
    own, peer = socket.inet_aton("10.0.0.1"), socket.inet_aton("10.0.0.2")
    answers = [
        message(
            socket.AF_INET, 24, 0, attribute(1, own), attribute(2, own), attribute(3, b"eth0:1\0")
        ),
        message(socket.AF_INET, 32, 1, attribute(1, peer), attribute(2, own)),
        message(socket.AF_INET6, 64, 2, attribute(1, socket.inet_pton(socket.AF_INET6, "fe80::1"))),
        message(socket.AF_INET, 24, 9, attribute(1, own)),
        message(socket.AF_PACKET, 0, 0, attribute(1, own)),
    ]
    assert list(of_messages(answers, device_name)) == [
        an_address("eth0:1", "10.0.0.1", 24),
        an_address("eth1", "10.0.0.1", 32),
        an_address("eth2", "fe80::1", 64),
    ]


def test_addresses_of_psutil_have_no_zone() -> None:
    found = of_psutil(
        {
            "eth0": [
                PsutilAddress(socket.AF_INET, "192.0.2.7", "255.255.254.0"),
                PsutilAddress(socket.AF_INET6, "fe80::1%eth0", "ffff:ffff:ffff:ffff::"),
                PsutilAddress(socket.AF_PACKET, "00:00:5e:00:53:01", None),
            ]
        }
    )
    assert list(found) == [an_address("eth0", "192.0.2.7", 23), an_address("eth0", "fe80::1", 64)]


def test_netlink_lists_the_addresses_of_getifaddrs(monkeypatch: pytest.MonkeyPatch) -> None:
    found = host_addresses()
    assert "127.0.0.1" in {str(one.address) for one in found}
    assert set(found) == set(of_psutil(psutil.net_if_addrs()))

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(addresses, "dump", refuse)
    assert set(host_addresses()) == set(found)


@given(answers=st.lists(st.binary(max_size=60), max_size=3))
def test_garbled_answers_are_passed_over(answers: list[bytes]) -> None:
    for one in of_messages(answers, device_name):
        assert one.prefix_length < 256
