"""Driver, link settings and the driver's own statistics of each network interface.

Source: the kernel's include/uapi/linux/ethtool.h.
"""

import array
import fcntl
import re
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final

from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily, UntypedFamily
from exporter.name_filter import ALL_NAMES, NameFilter
from exporter.roots import Roots, list_names

_IOCTL: Final = 0x8946
_SETTINGS: Final = struct.Struct("=IIIHBBBBBBIIHBBI8x")
_DRIVER: Final = struct.Struct("=I32s32s32s32s32s12xIIIII")
_STRINGS: Final = struct.Struct("=III")
_GET_SETTINGS, _GET_DRIVER, _GET_STRINGS, _GET_STATISTICS = 0x01, 0x03, 0x1B, 0x1D
_STATISTICS_SET: Final = 1
_NAME_BYTES: Final = 32
# A driver with more statistics is not believed.
_MOST_STATISTICS: Final = 20_000
# Bit of the settings -> name and HELP of what the port supports and offers.
_MODES: Final = {
    6: ("autonegotiate", "autonegotiate"),
    13: ("pause", "pause frames"),
    14: ("asymmetricpause", "asymmetric pause frames"),
}
_OFFERS: Final = {13: "pause capability", 14: "asymmetric pause capability"}
_RECEIVE: Final = re.compile(r"(^|_)rx(_|$)")
_TRANSMIT: Final = re.compile(r"(^|_)tx(_|$)")
_NOT_IN_A_NAME: Final = re.compile(r"[^0-9a-z_]")
_INFO: Final = ("bus_info", "driver", "expansion_rom_version", "firmware_version", "version")


def request(device: str, data: bytes) -> bytes:
    """Return the kernel's answer to one command of ethtool, in place of the command.

    Raises:
        OSError: the driver does not support the command.
    """
    buffer = array.array("B", data)
    address, _ = buffer.buffer_info()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        name = device.encode()[:15]
        fcntl.ioctl(connection, _IOCTL, struct.pack("16sP16x", name, address))
    return buffer.tobytes()


class NetworkDrivers:
    """Asks the drivers of `class/net` by ioctl, in this process's network namespace."""

    name = "ethtool"

    def __init__(
        self,
        roots: Roots,
        devices: NameFilter = ALL_NAMES,
        metrics: NameFilter = ALL_NAMES,
        request: Callable[[str, bytes], bytes] = request,
    ) -> None:
        self._class = f"{roots.sys}/class/net"
        self._devices, self._metrics, self._request = devices, metrics, request

    def collect(self) -> Iterable[Family]:
        """Return driver, settings and statistics by interface.

        Raises:
            NoDataError: no driver answers.
        """
        families: dict[str, Family] = {}
        info = GaugeFamily(
            "node_ethtool_info",
            "A metric with a constant '1' value labeled by bus_info, device, driver,"
            " expansion_rom_version, firmware_version, version.",
            labels=("device", *_INFO),
        )
        for device in filter(self._devices.accepts, list_names(self._class)):
            with suppress(OSError):
                self._add_settings(families, device)
            with suppress(OSError):
                _, driver, version, firmware, bus, rom, *_ = _DRIVER.unpack(
                    self._request(device, _DRIVER.pack(_GET_DRIVER, *[b""] * 5, *[0] * 5))
                )
                texts = map(_text, (bus, driver, rom, firmware, version))
                info.add((device, *texts), 1)
            with suppress(OSError):
                for name, value in self._statistics(device):
                    if self._metrics.accepts(name):
                        metric = f"node_ethtool_{metric_name(name)}"
                        _add(
                            UntypedFamily,
                            families,
                            metric,
                            f"Network interface {name}",
                            device,
                            value,
                        )
        if not info and not families:
            raise NoDataError("no driver answers ethtool")
        return [info, *families.values()]

    def _add_settings(self, families: dict[str, Family], device: str) -> None:
        data = self._request(device, _SETTINGS.pack(_GET_SETTINGS, *[0] * 15))
        settings = _SETTINGS.unpack(data)
        supported, advertised, autonegotiates = settings[1], settings[2], settings[8]
        for bit, (name, words) in _MODES.items():
            _add(
                GaugeFamily,
                families,
                f"node_network_{name}_supported",
                f"If this port device supports {words}",
                device,
                supported >> bit & 1,
            )
            _add(
                GaugeFamily,
                families,
                f"node_network_{name}_advertised",
                f"If this port device offers {_OFFERS.get(bit, words)}",
                device,
                advertised >> bit & 1,
            )
        _add(
            GaugeFamily,
            families,
            "node_network_autonegotiate",
            "If this port is using autonegotiate",
            device,
            autonegotiates,
        )

    def _statistics(self, device: str) -> Iterator[tuple[str, int]]:
        """Yield name and value of the driver's statistics."""
        driver = self._request(device, _DRIVER.pack(_GET_DRIVER, *[b""] * 5, *[0] * 5))
        count = min(_DRIVER.unpack(driver)[7], _MOST_STATISTICS)
        if not count:
            return
        head = _STRINGS.pack(_GET_STRINGS, _STATISTICS_SET, count)
        strings = self._request(device, head + bytes(_NAME_BYTES * count))[_STRINGS.size :]
        numbers = self._request(
            device, struct.pack("=II", _GET_STATISTICS, count) + bytes(8 * count)
        )
        for position, value in enumerate(struct.unpack_from(f"={count}Q", numbers, 8)):
            start = position * _NAME_BYTES
            name = _text(strings[start : start + _NAME_BYTES])
            if name:
                yield name, value


def metric_name(statistic: str) -> str:
    """Return the end of a metric's name: `rx_queue_0_bytes` is `received_queue_0_bytes`."""
    name = _NOT_IN_A_NAME.sub("_", statistic.strip().lower())
    name = _RECEIVE.sub(r"\1received\2", name)
    return _TRANSMIT.sub(r"\1transmitted\2", name)


def _add(
    kind: type[Family],
    families: dict[str, Family],
    name: str,
    documentation: str,
    device: str,
    value: int,
) -> None:
    family = families.get(name)
    if family is None:
        family = families[name] = kind(name, documentation, labels=("device",))
    family.add((device,), value)


def _text(packed: bytes) -> str:
    return packed.partition(b"\0")[0].decode("utf-8", "replace").strip()
