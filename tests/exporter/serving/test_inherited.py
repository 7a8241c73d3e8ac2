"""The exporter serves on a socket that systemd has passed, and on no other then."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from exporter.errors import ListenError
from exporter.serving.inherited import inherited_socket
from exporter.serving.server import Exporter
from exporter.settings import DEFAULT_LISTEN, ExporterSettings
from tests.exporter.exporter_client import Client


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as created:
        yield created


def passed(descriptor: int, listen: str = DEFAULT_LISTEN, **others: str) -> socket.socket | None:
    """Return what the exporter finds where systemd passes a duplicate of a descriptor."""
    environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"} | others
    duplicate = os.dup(descriptor)
    try:
        found = inherited_socket(listen, environ, duplicate)
    except ListenError:
        # A socket is closed, any other descriptor is not.
        with suppress(OSError):
            os.close(duplicate)
        raise
    assert not environ.keys() & {"LISTEN_PID", "LISTEN_FDS"}
    return found


def test_metrics_are_served_on_the_socket_of_systemd(listening: socket.socket) -> None:
    inherited = passed(listening.fileno())
    assert inherited is not None
    assert not inherited.get_inheritable()
    settings = ExporterSettings(collectors=frozenset({"loadavg"}))
    with Exporter(settings, inherited=inherited) as exporter:
        assert exporter.address == listening.getsockname()
        assert "node_load1" in Client(exporter).get("/metrics").text


def test_no_socket_of_its_own_is_created(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    inherited = passed(listening.fileno())
    created = socket.socket.__init__

    def refused(
        self: socket.socket,
        family: int = -1,
        kind: int = -1,
        proto: int = -1,
        fileno: int | None = None,
    ) -> None:
        # As the unit's RestrictAddressFamilies= does.
        if fileno is None and family in (-1, socket.AF_INET, socket.AF_INET6):
            raise OSError(97, "Address family not supported by protocol")
        created(self, family, kind, proto, fileno)

    monkeypatch.setattr(socket.socket, "__init__", refused)
    with pytest.raises(ListenError):
        Exporter(ExporterSettings())
    with Exporter(ExporterSettings(), inherited=inherited) as exporter:
        assert exporter.address == listening.getsockname()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "one"},
    ],
)
def test_variables_for_another_process_or_without_a_socket_pass_none(
    environ: dict[str, str],
) -> None:
    assert inherited_socket(DEFAULT_LISTEN, environ) is None
    assert environ == {}


def test_option_with_the_address_of_the_socket_is_accepted(listening: socket.socket) -> None:
    host, port = listening.getsockname()
    found = passed(listening.fileno(), f"{host}:{port}")
    assert found is not None
    found.close()


def test_option_with_another_address_is_refused(listening: socket.socket) -> None:
    with pytest.raises(ListenError, match=r"set ListenStream= .*remove the option --listen"):
        passed(listening.fileno(), "127.0.0.1:1")


def test_several_sockets_are_refused(listening: socket.socket) -> None:
    with pytest.raises(ListenError, match="2 sockets, not one"):
        passed(listening.fileno(), LISTEN_FDS="2")


@pytest.mark.parametrize("kind", ["unix", "datagram", "file"])
def test_what_does_not_accept_connections_is_refused(kind: str) -> None:
    one, other = socket.socketpair()
    datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with one, other, datagram, Path(os.devnull).open() as file:
        kinds = {"unix": one.fileno(), "datagram": datagram.fileno(), "file": file.fileno()}
        with pytest.raises(ListenError, match="cannot listen on 'systemd'"):
            passed(kinds[kind])
