"""A name server that can fall silent: every name below `chaos.test` has the address 127.0.0.1."""

import socket
import struct
import threading
from collections.abc import Mapping
from typing import Self

ZONE = "chaos.test"

_HEADER = struct.Struct("!HHHHHH")
_ANSWER = 0x8180  # a response, recursion desired and available
_NO_NAME = 0x8183
_TYPE_A, _CLASS_IN = 1, 1
_PACKET = 1500
_POLL_S = 0.2
_POINTER_TO_QUESTION = 0xC00C


def response(query: bytes, addresses: Mapping[str, str]) -> bytes:
    """Return the response to a query for one name; its address has the TTL 0."""
    number = _HEADER.unpack_from(query)[0]
    labels, at = [], _HEADER.size
    while size := query[at]:
        labels.append(query[at + 1 : at + 1 + size].decode("ascii", "replace"))
        at += 1 + size
    kind = int.from_bytes(query[at + 1 : at + 3], "big")
    question = query[_HEADER.size : at + 5]
    address = addresses.get(".".join(labels).lower())
    if address is None:
        return _HEADER.pack(number, _NO_NAME, 1, 0, 0, 0) + question
    if kind != _TYPE_A:
        return _HEADER.pack(number, _ANSWER, 1, 0, 0, 0) + question
    record = struct.pack("!HHHIH", _POINTER_TO_QUESTION, _TYPE_A, _CLASS_IN, 0, 4)
    answer = record + socket.inet_aton(address)
    return _HEADER.pack(number, _ANSWER, 1, 1, 0, 0) + question + answer


class NameServer:
    """Answers on UDP while a `with` block runs.

    Attributes:
        addresses: address by name.
        silent: whether queries remain without an answer.
    """

    def __init__(self, host: str, port: int = 53) -> None:
        self._host, self._port = host, port
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="names", daemon=True)
        self.addresses: dict[str, str] = {}
        self.silent = False

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the running server."""
        host, port = self._socket.getsockname()
        return host, port

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((self._host, self._port))
        self._socket.settimeout(_POLL_S)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                query, client = self._socket.recvfrom(_PACKET)
                if not self.silent:
                    self._socket.sendto(response(query, self.addresses), client)
            except (TimeoutError, IndexError, struct.error):
                continue
