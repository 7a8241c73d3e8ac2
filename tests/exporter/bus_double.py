"""A message bus with doubles of systemd and logind on it.

It speaks enough of D-Bus for the exporter, and for node_exporter as well.
"""

import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jeepney import HeaderFields, Parser, new_error, new_method_return

Method = tuple[str, tuple[Any, ...]]
"""The signature and the values that a method returns."""


@dataclass
class BusDouble:
    """What the services answer.

    Attributes:
        methods: by service, path and name.
        properties: by path, interface and name; a signature and a value.
        silent: calls of which name get no answer.
    """

    methods: dict[tuple[str, str, str], Method] = field(default_factory=dict)
    properties: dict[tuple[str, str, str], tuple[str, Any]] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()

    def answer(self, message: Any) -> Any:
        fields = message.header.fields
        service = fields.get(HeaderFields.destination)
        path, name = fields[HeaderFields.path], fields[HeaderFields.member]
        if name in self.silent:
            return None
        if name == "Hello":
            return new_method_return(message, "s", (":1.7",))
        if name == "Get":
            found = self.properties.get((path, *message.body))
            if found is None:
                return new_error(
                    message, "org.freedesktop.DBus.Error.UnknownProperty", "s", ("no",)
                )
            return new_method_return(message, "v", (found,))
        method = self.methods.get((service, path, name))
        if method is None:
            known = any(service == one for one, _, _ in self.methods)
            error = "UnknownMethod" if known else "ServiceUnknown"
            return new_error(message, f"org.freedesktop.DBus.Error.{error}", "s", ("no",))
        return new_method_return(message, *method)


class _Connection(socketserver.StreamRequestHandler):
    double: BusDouble

    def handle(self) -> None:
        assert self.rfile.read(1) == b"\0"
        while (line := self.rfile.readline()) and line != b"BEGIN\r\n":
            is_known = line.startswith(b"AUTH EXTERNAL")
            self.wfile.write(
                b"OK 0123456789abcdef\r\n"
                if is_known
                else b"REJECTED EXTERNAL\r\n"
                if line.startswith(b"AUTH")
                else b"ERROR\r\n"
            )
        parser, serial = Parser(), 1
        while True:
            while message := parser.get_next_message():
                answer = self.double.answer(message)
                if answer is not None:
                    # A bus adds the name of the sender.
                    answer.header.fields[HeaderFields.sender] = "org.freedesktop.DBus"
                    self.wfile.write(answer.serialise(serial=serial))
                    serial += 1
            data = self.rfile.read1(65536)
            if not data:
                return
            parser.add_data(data)


@contextmanager
def running_bus(double: BusDouble, path: Path) -> Iterator[None]:
    """Serve a bus at a path."""

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Be quiet: a client that gave up has closed its connection."""

    handler = type("Connection", (_Connection,), {"double": double})
    with Server(str(path), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def mute_bus(path: Path) -> Iterator[None]:
    """Serve a bus that accepts connections and never writes a byte."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        yield


SYSTEMD, LOGIND = "org.freedesktop.systemd1", "org.freedesktop.login1"
_UNIT_LIST = "a(ssssssouso)"


def unit_path(name: str) -> str:
    """Return the object's path of a unit, with systemd's escapes."""
    escaped = "".join(c if c.isalnum() else f"_{ord(c):02x}" for c in name)
    return f"/org/freedesktop/systemd1/unit/{escaped}"


def host_with(units: Mapping[str, tuple[str, str]]) -> BusDouble:
    """Return a bus with some units, by name: their load state and active state."""
    rows = [
        (name, f"The {name}", load, active, "sub", "", unit_path(name), 0, "", "/")
        for name, (load, active) in units.items()
    ]
    manager, session = "/org/freedesktop/systemd1", "/org/freedesktop/login1/session/_31"
    double = BusDouble()
    signature: str
    value: Any
    double.methods = {
        (SYSTEMD, manager, "ListUnits"): (_UNIT_LIST, (rows,)),
        (LOGIND, "/org/freedesktop/login1", "ListSeats"): (
            "a(so)",
            ([("seat0", "/org/freedesktop/login1/seat/seat0")],),
        ),
        (LOGIND, "/org/freedesktop/login1", "ListSessions"): (
            "a(susso)",
            ([("1", 1000, "anna", "seat0", session), ("2", 0, "root", "", session + "0")],),
        ),
    }
    for name, value in (
        ("Version", "257.9-1"),
        ("Virtualization", "kvm"),
        ("SystemState", "running"),
    ):
        double.properties[manager, f"{SYSTEMD}.Manager", name] = "s", value
    for name, signature, value in (
        ("Remote", "b", False),
        ("Type", "s", "wayland"),
        ("Class", "s", "user"),
    ):
        double.properties[session, f"{LOGIND}.Session", name] = signature, value
    for name, signature, value in (
        ("Remote", "b", True),
        ("Type", "s", "new"),
        ("Class", "s", "manager"),
    ):
        double.properties[session + "0", f"{LOGIND}.Session", name] = signature, value
    for name in units:
        path, kind = unit_path(name), name.rpartition(".")[2].title()
        double.properties[path, f"{SYSTEMD}.Unit", "ActiveEnterTimestamp"] = (
            "t",
            1_700_000_000_500_000,
        )
        double.properties[path, f"{SYSTEMD}.{kind}", "Type"] = "s", "notify"
        for prop, signature, value in (
            ("NRestarts", "u", 3),
            ("TasksCurrent", "t", 7),
            ("TasksMax", "t", 2**64 - 1),
            ("LastTriggerUSec", "t", 1_700_000_001_000_000),
            ("NAccepted", "u", 5),
            ("NConnections", "u", 2),
            ("NRefused", "u", 1),
        ):
            double.properties[path, f"{SYSTEMD}.{kind}", prop] = signature, value
    return double
