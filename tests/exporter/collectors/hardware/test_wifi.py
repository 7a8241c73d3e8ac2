import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.hardware.wifi import WirelessInterfaces, ask_kernel
from exporter.errors import NoDataError
from exporter.roots import Roots
from tests.exporter.host_tree import key, samples

INTERFACES, STATIONS, SCAN = 5, 17, 32
ADDRESS = bytes.fromhex("021122334455")


def attribute(kind: int, payload: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def number(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))


def answers(command: int, index: int | None) -> Iterator[bytes]:
    if command == INTERFACES:
        yield number(3, 7) + attribute(4, b"wlan0\0") + number(38, 5180)
        yield number(3, 8) + number(38, 2412)  # A virtual device without a name.
    elif index == 7 and command == SCAN:
        elements = bytes((1, 2, 9, 9, 0, 4)) + b"home"
        network = attribute(1, ADDRESS) + attribute(6, elements)
        yield attribute(47, network)
        yield attribute(47, network + number(9, 1))
    elif index == 7 and command == STATIONS:
        station = [
            *(number(16, 60), number(1, 1500), number(2, 5), number(3, 6)),
            *(attribute(23, struct.pack("=Q", 2**33)), number(11, 3), number(12, 2), number(18, 1)),
            attribute(7, struct.pack("=b", -52)),
            attribute(8, attribute(1, struct.pack("=H", 650)) + number(5, 8667)),
            attribute(14, attribute(1, struct.pack("=H", 650))),
        ]
        yield attribute(6, ADDRESS) + attribute(21, b"".join(station))


def test_interface_has_its_network_and_its_stations() -> None:
    found = samples(WirelessInterfaces(Roots(), answers))
    prefix, station = "node_wifi_station_", {"device": "wlan0", "mac_address": "02:11:22:33:44:55"}
    network = {"device": "wlan0", "bssid": "02:11:22:33:44:55", "ssid": "home", "mode": "client"}
    assert found == {
        key("node_wifi_interface_frequency_hertz", device="wlan0"): 5_180_000_000,
        key(f"{prefix}info", **network): 1,
        key(f"{prefix}connected_seconds_total", **station): 60,
        key(f"{prefix}inactive_seconds", **station): 1.5,
        key(f"{prefix}receive_bytes_total", **station): 2**33,
        key(f"{prefix}transmit_bytes_total", **station): 6,
        key(f"{prefix}transmit_retries_total", **station): 3,
        key(f"{prefix}transmit_failed_total", **station): 2,
        key(f"{prefix}beacon_loss_total", **station): 1,
        key(f"{prefix}receive_bits_per_second", **station): 65_000_000,
        key(f"{prefix}transmit_bits_per_second", **station): 866_700_000,
        key(f"{prefix}signal_dbm", **station): -52,
    }


@given(data=st.lists(st.binary(max_size=120), max_size=4))
def test_garbled_answers_fail_no_scrape(data: list[bytes]) -> None:
    def ask(command: int, index: int | None) -> list[bytes]:
        named = number(3, 7) + attribute(4, b"wlan0\0")
        return [named, *data] if command == INTERFACES else data

    for family in WirelessInterfaces(Roots(), ask).collect():
        assert family.name.startswith("node_wifi_")


def test_host_without_wireless_devices_has_no_data() -> None:
    try:
        interfaces = list(ask_kernel(INTERFACES, None))
    except NoDataError:
        return
    except OSError:
        pytest.skip("this sandbox has no generic netlink")
    assert all(isinstance(interface, bytes) for interface in interfaces)
