"""Wireless interfaces and the stations that they are connected to.

Source: the kernel's include/uapi/linux/nl80211.h, asked over generic netlink.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple, Optional

from exporter.collectors.netlink import attributes, dump
from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.roots import Roots

_GENERIC: Final = 16
_CONTROLLER: Final = 0x10
_GET_FAMILY, _GET_INTERFACE, _GET_STATION, _GET_SCAN = 3, 5, 17, 32
# genlmsghdr: command, version, reserved.
_HEADER: Final = struct.Struct("=BBH")
_FAMILY_ID, _FAMILY_NAME = 1, 2
_INDEX, _NAME, _MAC, _STATION, _FREQUENCY, _BSS = 3, 4, 6, 21, 38, 47
_BSSID, _ELEMENTS, _STATUS = 1, 6, 9
_SSID_ELEMENT: Final = 0
_MODES: Final = {0: "client", 1: "client", 2: "ad-hoc"}
_RATE, _RATE_32 = 1, 5
# The kernel's bit rates are multiples of 100 kbit/s.
_RATE_UNIT: Final = 100_000
_MEGAHERTZ: Final = 1_000_000

Attributes = Mapping[int, bytes]
Ask = Callable[[int, Optional[int]], Iterable[bytes]]
"""Yields the answers to a command, for one interface or for all."""


class _StationNumber(NamedTuple):
    """A number of a station: its attributes, the best first, its metric and HELP."""

    kinds: tuple[int, ...]
    name: str
    documentation: str
    divisor: float = 1


_NUMBERS: Final = (
    _StationNumber(
        (16,),
        "connected_seconds_total",
        "The total number of seconds a station has been connected to an access point.",
    ),
    _StationNumber(
        (1,),
        "inactive_seconds",
        "The number of seconds since any wireless activity has occurred on a station.",
        1000,
    ),
    _StationNumber(
        (23, 2), "receive_bytes_total", "The total number of bytes received by a WiFi station."
    ),
    _StationNumber(
        (24, 3), "transmit_bytes_total", "The total number of bytes transmitted by a WiFi station."
    ),
    _StationNumber(
        (11,),
        "transmit_retries_total",
        "The total number of times a station has had to retry while sending a packet.",
    ),
    _StationNumber(
        (12,),
        "transmit_failed_total",
        "The total number of times a station has failed to send a packet.",
    ),
    _StationNumber(
        (18,),
        "beacon_loss_total",
        "The total number of times a station has detected a beacon loss.",
    ),
)
_SIGNAL: Final = 7
_BITRATES: Final = (
    (
        14,
        "receive_bits_per_second",
        "The current WiFi receive bitrate of a station, in bits per second.",
    ),
    (
        8,
        "transmit_bits_per_second",
        "The current WiFi transmit bitrate of a station, in bits per second.",
    ),
)


def ask_kernel(command: int, index: int | None) -> Iterator[bytes]:
    """Yield the attributes of each answer to a command of nl80211.

    Raises:
        NoDataError: the kernel has no wireless devices.
        OSError: the kernel refuses.
    """
    family = _family_id(dump(_GENERIC, _CONTROLLER, _HEADER.pack(_GET_FAMILY, 1, 0)))
    payload = _HEADER.pack(command, 0, 0)
    if index is not None:
        payload += struct.pack("=HHI", 8, _INDEX, index)
    for answer in dump(_GENERIC, family, payload):
        yield answer[_HEADER.size :]


def _family_id(answers: Iterable[bytes]) -> int:
    for answer in answers:
        found = attributes(answer[_HEADER.size :])
        if found.get(_FAMILY_NAME, b"").rstrip(b"\0") == b"nl80211":
            return _unsigned(found[_FAMILY_ID])
    raise NoDataError("the kernel has no wireless devices")


class WirelessInterfaces:
    """Asks the kernel's nl80211.

    Args:
        roots: not used; the kernel is asked in this process's network namespace.
        ask: yields the kernel's answers.
    """

    name = "wifi"

    def __init__(self, roots: Roots, ask: Ask = ask_kernel) -> None:
        del roots
        self._ask = ask

    def collect(self) -> Iterable[Family]:
        """Return the frequency of each interface, its network, and its stations."""
        frequency = GaugeFamily(
            "node_wifi_interface_frequency_hertz",
            "The current frequency a WiFi interface is operating at, in hertz.",
            labels=("device",),
        )
        network = GaugeFamily(
            "node_wifi_station_info",
            "Labeled WiFi interface station information as provided by the operating system.",
            labels=("device", "bssid", "ssid", "mode"),
        )
        stations = _Stations()
        # Read the whole list first: the questions about each interface use the same kernel lock.
        for interface in [attributes(answer) for answer in self._ask(_GET_INTERFACE, None)]:
            device = interface.get(_NAME, b"").rstrip(b"\0").decode("utf-8", "replace")
            if not device or _INDEX not in interface:
                continue  # Some virtual devices have no name.
            index = _unsigned(interface[_INDEX])
            frequency.add((device,), _unsigned(interface.get(_FREQUENCY, b"")) * _MEGAHERTZ)
            for answer in self._ask(_GET_SCAN, index):
                found = attributes(attributes(answer).get(_BSS, b""))
                if _STATUS in found:
                    network.add((device, *_network(found)), 1)
                    break
            for answer in self._ask(_GET_STATION, index):
                stations.add(device, attributes(answer))
        return [family for family in (frequency, network, *stations.families) if family]


class _Stations:
    """The families of stations, by device and address."""

    def __init__(self) -> None:
        self._numbers = [(one, _family(one.name, one.documentation)) for one in _NUMBERS]
        self._bitrates = [
            (kind, _family(name, documentation)) for kind, name, documentation in _BITRATES
        ]
        self._signal = _family(
            "signal_dbm", "The current WiFi signal strength, in decibel-milliwatts (dBm)."
        )

    @property
    def families(self) -> list[Family]:
        numbers = [family for _, family in self._numbers]
        return [*numbers, *(family for _, family in self._bitrates), self._signal]

    def add(self, device: str, station: Attributes) -> None:
        labels = device, _address(station.get(_MAC, b""))
        found = attributes(station.get(_STATION, b""))
        for number, family in self._numbers:
            present = [found[kind] for kind in number.kinds if kind in found]
            value = _unsigned(present[0]) if present else 0
            family.add(labels, value / number.divisor)
        for kind, family in self._bitrates:
            rate = attributes(found.get(kind, b""))
            # The 16 bits of the older attribute do not hold fast rates.
            content = rate.get(_RATE_32, rate.get(_RATE, b""))
            family.add(labels, _unsigned(content) * _RATE_UNIT)
        signal = found.get(_SIGNAL, b"\0")
        self._signal.add(labels, int.from_bytes(signal[:1], "little", signed=True))


def _family(name: str, documentation: str) -> Family:
    kind = CounterFamily if name.endswith("_total") else GaugeFamily
    return kind(f"node_wifi_station_{name}", documentation, labels=("device", "mac_address"))


def _network(found: Attributes) -> tuple[str, str, str]:
    """Return address, name and mode of a network."""
    elements, at, ssid = found.get(_ELEMENTS, b""), 0, b""
    while at + 2 <= len(elements):
        kind, length = elements[at], elements[at + 1]
        if kind == _SSID_ELEMENT:
            ssid = elements[at + 2 : at + 2 + length]
            break
        at += 2 + length
    mode = _MODES.get(_unsigned(found[_STATUS]), "unknown")
    return _address(found.get(_BSSID, b"")), ssid.decode("utf-8", "replace"), mode


def _address(content: bytes) -> str:
    return content[:6].hex(":")


def _unsigned(content: bytes) -> int:
    """Return a number of the host's byte order; 0 if it is missing."""
    return int.from_bytes(content, "little")
