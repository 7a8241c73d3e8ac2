"""Names, images and restarts of containers, from Docker's or Podman's socket.

Source: Docker Engine API, "List containers" and "Inspect a container"; Podman serves the same.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from exporter.roots import Roots

_SOCKETS: Final = ("/run/docker.sock", "/run/podman/podman.sock")
_TIMEOUT_S: Final = 2.0
# A list of some thousand containers.
_MOST_BYTES: Final = 16 * 2**20
# Restarts cost one request per container: they are read again after this time.
_RESTARTS_S: Final = 60.0
_MOST_INSPECTED: Final = 200
_STATUS: Final = re.compile(rb"HTTP/1\.[01] 200\b")


class EngineContainer(NamedTuple):
    """A container as the engine describes it.

    Attributes:
        name: without the slash that Docker puts before it.
        image: as it was named when the container was created.
        restarts: how often the engine has restarted it; None if unknown.
        shares_network: whether it uses the host's network interfaces.
    """

    name: str
    image: str
    restarts: int | None = None
    shares_network: bool = False


class ContainerEngine:
    """The engines whose sockets this process may use, asked once per scrape.

    Args:
        roots: where the host's sockets are.
        monotonic: the time in seconds.
    """

    def __init__(self, roots: Roots, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._paths = [roots.host_path(path) for path in _SOCKETS]
        self._monotonic = monotonic
        self._restarts: dict[str, int] = {}
        self._inspected_s: float | None = None

    def containers(self) -> dict[str, EngineContainer]:
        """Return the running containers by id; those of an engine that does not answer lack."""
        found: dict[str, EngineContainer] = {}
        now_s = self._monotonic()
        is_due = self._inspected_s is None or now_s - self._inspected_s >= _RESTARTS_S
        restarts: dict[str, int] = {}
        for path in self._paths:
            for record in _records(_asked(path, "/containers/json")):
                identity = str(record.get("Id", ""))
                if is_due and len(restarts) < _MOST_INSPECTED:
                    restarts |= _restarts(path, identity)
                found[identity] = _container(record)
        if is_due:
            self._restarts, self._inspected_s = restarts, now_s
        return {
            identity: one._replace(restarts=self._restarts.get(identity))
            for identity, one in found.items()
        }


def _container(record: Mapping[str, Any]) -> EngineContainer:
    names = record.get("Names")
    name = str(names[0]) if isinstance(names, list) and names else ""
    host = record.get("HostConfig")
    mode = host.get("NetworkMode") if isinstance(host, dict) else None
    return EngineContainer(
        name.removeprefix("/"), str(record.get("Image", "")), None, mode == "host"
    )


def _restarts(path: str, identity: str) -> dict[str, int]:
    if not identity.isalnum():
        return {}
    record = _asked(path, f"/containers/{identity}/json")
    count = record.get("RestartCount") if isinstance(record, dict) else None
    return {identity: count} if isinstance(count, int) else {}


def _records(answer: object) -> Iterable[Mapping[str, Any]]:
    return [one for one in answer if isinstance(one, dict)] if isinstance(answer, list) else []


def _asked(path: str, url: str) -> object:
    """Return the JSON answer to a GET on a Unix socket, None without a valid one."""
    until_s = time.monotonic() + _TIMEOUT_S
    content = bytearray()
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_TIMEOUT_S)
            connection.connect(path)
            # HTTP/1.0: the answer ends with the connection, and has no chunks.
            connection.sendall(f"GET {url} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            while len(content) <= _MOST_BYTES:
                connection.settimeout(max(0.001, until_s - time.monotonic()))
                part = connection.recv(65536)
                if not part:
                    break
                content += part
    except OSError:
        return None
    head, _, body = bytes(content).partition(b"\r\n\r\n")
    if not _STATUS.match(head):
        return None
    try:
        answer: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer
