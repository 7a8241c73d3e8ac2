"""Uninterruptible power supplies, through NUT's server, with nut_exporter's names.

Source: RFC 9271.
"""

import re
import socket
import time
from collections.abc import Iterable, Iterator
from typing import Final

from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots

_PORT: Final = 3493
_TIMEOUT_S: Final = 3.0
_MOST_BYTES: Final = 2**20
_MOST_SUPPLIES: Final = 100
_UPS: Final = re.compile(r'UPS (\S+) "')
_VARIABLE: Final = re.compile(r'VAR \S+ (\S+) "((?:[^"\\]|\\.)*)"')
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_NOT_IN_A_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")
# RFC 9271, section 4.3: every flag of ups.status has a sample.
_FLAGS: Final = (
    *("OL", "OB", "LB", "HB", "RB", "CHRG", "DISCHRG", "BYPASS", "CAL", "OFF", "OVER"),
    *("TRIM", "BOOST", "FSD"),
)
_INFO: Final = {
    "model": "device.model",
    "mfr": "device.mfr",
    "serial": "device.serial",
    "type": "device.type",
}


class PowerBackups:
    """Asks upsd.

    Args:
        roots: not used.
        server: HOST or HOST:PORT of upsd.
    """

    name = "ups"

    def __init__(self, roots: Roots, server: str = "127.0.0.1") -> None:
        del roots
        host, _, port = server.partition(":")
        self._address = host, int(port) if port.isdecimal() else _PORT

    def collect(self) -> Iterable[Family]:
        """Return state and numbers of each supply.

        Raises:
            NoDataError: no server runs, or it has no supplies.
            OSError: the server does not answer.
        """
        try:
            connection = socket.create_connection(self._address, _TIMEOUT_S)
        except ConnectionRefusedError as exc:
            raise NoDataError("no NUT server runs") from exc
        families: dict[str, Family] = {}
        with connection, _Lines(connection) as lines:
            supplies = [match[1] for line in lines.listed("UPS") if (match := _UPS.match(line))]
            if not supplies:
                raise NoDataError("the NUT server has no supplies")
            for name in dict.fromkeys(supplies[:_MOST_SUPPLIES]):
                matches = map(_VARIABLE.match, lines.listed(f"VAR {name}"))
                _add(families, name, {match[1]: match[2] for match in matches if match})
        return list(families.values())


class _Lines:
    """The lines of a connection to upsd, with one deadline for all."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._rest = connection, b""
        self._until_s = time.monotonic() + _TIMEOUT_S
        self._read_bytes = 0

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the connection to its owner."""

    def listed(self, what: str) -> Iterator[str]:
        """Yield the lines of a list.

        Raises:
            OSError: the server refuses, or does not answer in time.
        """
        self._connection.sendall(f"LIST {what}\n".encode())
        first = self._line()
        if not first.startswith("BEGIN LIST "):
            raise OSError(f"LIST {what}: {first[:80]}")
        while not (line := self._line()).startswith("END LIST "):
            yield line

    def _line(self) -> str:
        while b"\n" not in self._rest:
            left_s = self._until_s - time.monotonic()
            if left_s <= 0 or self._read_bytes > _MOST_BYTES:
                raise TimeoutError("the NUT server does not come to an end")
            self._connection.settimeout(left_s)
            part = self._connection.recv(65536)
            if not part:
                raise ConnectionResetError("the NUT server closed the connection")
            self._read_bytes += len(part)
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode("utf-8", "replace")


def _add(families: dict[str, Family], name: str, variables: dict[str, str]) -> None:
    for variable, text in variables.items():
        metric = f"network_ups_tools_{_NOT_IN_A_NAME.sub('_', variable)}"
        if _NUMBER.fullmatch(text):
            documentation = f"Value of the variable {variable}."
            _family(families, metric, documentation, ("ups",)).add((name,), float(text))
    flags = set(variables.get("ups.status", "").split())
    family = _family(
        families,
        "network_ups_tools_ups_status",
        "UPS status value by flag, 1 if it is set.",
        ("ups", "flag"),
    )
    for flag in (*_FLAGS, *sorted(flags.difference(_FLAGS))):
        family.add((name, flag), flag in flags)
    documentation = "UPS device information; the value is always 1."
    info = _family(families, "network_ups_tools_device_info", documentation, ("ups", *_INFO))
    info.add((name, *(variables.get(variable, "") for variable in _INFO.values())), 1)


def _family(
    families: dict[str, Family], name: str, documentation: str, labels: tuple[str, ...]
) -> Family:
    family = families.get(name)
    if family is None or family.labels != labels:
        family = families[name] = GaugeFamily(name, documentation, labels=labels)
    return family
