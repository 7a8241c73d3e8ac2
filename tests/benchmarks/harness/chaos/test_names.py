import socket
import struct

import pytest

from benchmarks.harness.chaos.names import NameServer, response

ADDRESSES = {"hooks.chaos.test": "10.99.0.7"}


def query(name: str, kind: int = 1) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!HHHHHH", 77, 0x0100, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, kind, 1)


def test_known_name_has_its_address() -> None:
    answer = response(query("Hooks.chaos.test"), ADDRESSES)
    number, flags, questions, answers, _, _ = struct.unpack_from("!HHHHHH", answer)
    assert (number, flags & 0xF, questions, answers) == (77, 0, 1, 1)
    assert answer.endswith(socket.inet_aton("10.99.0.7"))


def test_known_name_has_no_address_of_version_6() -> None:
    answer = response(query("hooks.chaos.test", kind=28), ADDRESSES)
    _, flags, _, answers, _, _ = struct.unpack_from("!HHHHHH", answer)
    assert (flags & 0xF, answers) == (0, 0)


def test_unknown_name_does_not_exist() -> None:
    _, flags, _, answers, _, _ = struct.unpack_from("!HHHHHH", response(query("a.b"), ADDRESSES))
    assert (flags & 0xF, answers) == (3, 0)


def test_server_answers_until_it_is_silent() -> None:
    with NameServer("127.0.0.1", 0) as server, socket.socket(type=socket.SOCK_DGRAM) as client:
        server.addresses.update(ADDRESSES)
        client.connect(server.address)
        client.send(b"\x00")  # not a query
        client.send(query("hooks.chaos.test"))
        assert client.recv(1500).endswith(socket.inet_aton("10.99.0.7"))
        server.silent = True
        client.send(query("hooks.chaos.test"))
        client.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.recv(1500)
