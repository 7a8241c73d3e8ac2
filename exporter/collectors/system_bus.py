"""Calls to services on D-Bus's system bus, such as systemd and logind.

Every call of a connection shares one deadline, so that a bus that accepts connections and
answers nothing holds a thread for seconds only.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import count, islice
from types import TracebackType
from typing import Any, Final, NamedTuple

from exporter.errors import ExporterError, NoDataError
from exporter.pairs import pairs
from exporter.roots import Roots

_SOCKET: Final = "/run/dbus/system_bus_socket"
_BUS: Final = "org.freedesktop.DBus"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_TIMEOUT_S: Final = 4.0
# So many calls are on their way at a time: more could fill both ends' buffers.
_CALLS: Final = 64
_READ_BYTES: Final = 65536
_ABSENT: Final = frozenset({f"{_BUS}.Error.ServiceUnknown", f"{_BUS}.Error.NameHasNoOwner"})


class BusError(ExporterError):
    """A service on the bus refused a call."""


class BusProperty(NamedTuple):
    """A property of an object: the object's path, the interface, the property's name."""

    path: str
    interface: str
    name: str


class SystemBus:
    """A connection to the system bus, to one service on it.

    Args:
        roots: where the host's socket is.
        service: the service's name on the bus.
        timeout_s: how long the connection may take, from its beginning to its last call.

    Raises:
        NoDataError: the host has no system bus.
        OSError: the bus does not answer, or refuses this user.
    """

    def __init__(self, roots: Roots, service: str, timeout_s: float = _TIMEOUT_S) -> None:
        # Imported here: most exporters ask nothing on the bus.
        from jeepney import Parser
        from jeepney.bus import get_bus
        from jeepney.io.blocking import prep_socket

        self._service = service
        self._until_s = time.monotonic() + timeout_s
        address = get_bus("SYSTEM") if roots.rootfs == "/" else roots.host_path(_SOCKET)
        try:
            self._socket = prep_socket(address, timeout=timeout_s)
        except (FileNotFoundError, ConnectionRefusedError) as exc:
            raise NoDataError(f"no D-Bus at {address!r}") from exc
        self._parser, self._serials = Parser(), count(1)
        try:
            self._answers([self._message(_BUS, "/org/freedesktop/DBus", _BUS, "Hello", "", ())])
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> SystemBus:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def call(self, path: str, interface: str, method: str) -> tuple[Any, ...]:
        """Return what a method without arguments returns.

        Raises:
            NoDataError: the service does not run.
            BusError: the service refused the call.
            OSError: the deadline has passed, or the bus closed the connection.
        """
        (answer,) = self._answers([self._message(self._service, path, interface, method, "", ())])
        if isinstance(answer, BusError):
            raise answer
        return answer

    def properties(self, wanted: Sequence[BusProperty]) -> list[Any]:
        """Return the values of properties in their order, None for those that are refused.

        Raises:
            OSError: the deadline has passed, or the bus closed the connection.
        """
        values: list[Any] = []
        for start in range(0, len(wanted), _CALLS):
            messages = [
                self._message(
                    self._service, one.path, _PROPERTIES, "Get", "ss", (one.interface, one.name)
                )
                for one in wanted[start : start + _CALLS]
            ]
            # A variant is a pair of its signature and its value.
            values.extend(
                None if isinstance(answer, BusError) else answer[0][1]
                for answer in self._answers(messages)
            )
        return values

    @staticmethod
    def _message(
        service: str, path: str, interface: str, method: str, signature: str, body: tuple[str, ...]
    ) -> Any:
        from jeepney import DBusAddress, new_method_call

        address = DBusAddress(path, service, interface)
        return new_method_call(address, method, signature or None, body)

    def _answers(self, messages: Sequence[Any]) -> list[tuple[Any, ...] | BusError]:
        """Send calls; return their answers in order."""
        from jeepney import HeaderFields, MessageType

        serials = list(islice(self._serials, len(messages)))
        content = [message.serialise(serial=serial) for message, serial in pairs(messages, serials)]
        self._socket.settimeout(self._left_s())
        self._socket.sendall(b"".join(content))
        answers: dict[int, tuple[Any, ...] | BusError] = {}
        while len(answers) < len(serials):
            message = self._next_message()
            serial = message.header.fields.get(HeaderFields.reply_serial)
            if serial not in serials:
                continue  # A signal.
            if message.header.message_type is MessageType.error:
                answers[serial] = _refusal(
                    message.header.fields[HeaderFields.error_name], message.body
                )
            else:
                answers[serial] = message.body
        return [answers[serial] for serial in serials]

    def _next_message(self) -> Any:
        while (message := self._parser.get_next_message()) is None:
            self._socket.settimeout(self._left_s())
            data = self._socket.recv(_READ_BYTES)
            if not data:
                raise ConnectionResetError("D-Bus closed the connection")
            self._parser.add_data(data)
        return message

    def _left_s(self) -> float:
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("D-Bus does not answer in time")
        return left_s


def _refusal(name: str, body: tuple[Any, ...]) -> BusError:
    if name in _ABSENT:
        raise NoDataError(f"the service does not run: {body[0] if body else name}")
    return BusError(f"{name}: {body[0] if body else ''}")
