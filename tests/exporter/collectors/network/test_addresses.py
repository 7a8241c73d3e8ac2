import socket
from dataclasses import dataclass

from exporter.collectors.network.addresses import InterfaceAddresses
from exporter.name_filter import NameFilter
from tests.exporter.host_tree import key, samples


@dataclass(frozen=True, slots=True)
class FakeAddress:
    family: int
    address: str
    netmask: str | None


def test_addresses_have_a_prefix_length_and_a_scope_but_no_zone() -> None:
    found = samples(
        InterfaceAddresses(
            NameFilter(exclude="^veth"),
            lambda: {
                "eth0": [
                    FakeAddress(socket.AF_INET, "192.0.2.7", "255.255.254.0"),
                    FakeAddress(socket.AF_INET6, "fe80::1%eth0", "ffff:ffff:ffff:ffff::"),
                    FakeAddress(socket.AF_PACKET, "00:00:5e:00:53:01", None),
                ],
                "veth1": [FakeAddress(socket.AF_INET, "10.0.0.1", "255.0.0.0")],
            },
        )
    )
    name = "node_network_address_info"
    assert found.keys() == {
        key(name, device="eth0", address="192.0.2.7", netmask="23", scope="global"),
        key(name, device="eth0", address="fe80::1", netmask="64", scope="link-local"),
    }


def test_addresses_of_this_host_include_the_loopback() -> None:
    addresses = {dict(labels)["address"] for _, labels in samples(InterfaceAddresses())}
    assert "127.0.0.1" in addresses
