"""Writes records through the API and checks that acknowledged ones stay."""

import json
from collections.abc import Sequence
from urllib.request import Request, build_opener

from benchmarks.harness.chaos.clock import now_ms
from benchmarks.harness.chaos.judge import Defect
from benchmarks.harness.contenders.servers import Redshank
from benchmarks.harness.loopback import fetch

_CHECKS = ("cpu", "memory", "disk")
_LEAST, _VALUES, _STEP = 50.0, 400, 0.1
_TIMEOUT_S = 10.0


class RecordWriter:
    """Sets the thresholds of registered hosts, one after the other, to a new number each time.

    Attributes:
        acknowledged: how many writes the server acknowledged.
    """

    def __init__(self, server: Redshank) -> None:
        self._server = server
        self._hosts: list[int] = []
        self._sent: dict[tuple[int, str], list[float]] = {}
        self._last: dict[tuple[int, str], float] = {}
        self._number = 0
        self.acknowledged = 0

    def register(self, hosts: Sequence[str]) -> None:
        """Register hosts by their addresses."""
        for address in hosts:
            document = {"name": address, "url": f"http://{address}/metrics"}
            answer = self._request("POST", "/api/hosts", document)
            self._hosts.append(json.loads(answer)["id"])

    def write(self) -> None:
        """Write the next record."""
        host = self._hosts[self._number % len(self._hosts)]
        check = _CHECKS[self._number // len(self._hosts) % len(_CHECKS)]
        warning = round(_LEAST + self._number % _VALUES * _STEP, 1)
        self._number += 1
        sent = self._sent.setdefault((host, check), [])
        sent.append(warning)
        try:
            self._request("PUT", f"/api/hosts/{host}/checks/{check}", {"warning": warning})
        except OSError:
            return
        self._last[host, check] = warning
        # A refused write may still arrive later; those before this one cannot.
        self._sent[host, check] = [warning]
        self.acknowledged += 1

    def lost(self) -> list[Defect]:
        """Return a problem for each acknowledged record that the server does not have."""
        problems = []
        for host in self._hosts:
            path = f"/api/hosts/{host}/checks"
            found = {
                one["check"]: one["warning"]
                for one in json.loads(self._request("GET", path))["checks"]
            }
            for check in _CHECKS:
                last = self._last.get((host, check))
                if last is not None and found[check] not in self._sent[host, check]:
                    text = f"{check} of host {host} is {found[check]}, acknowledged was {last}"
                    problems.append(Defect(now_ms(), text))
        return problems

    def _request(self, method: str, path: str, document: object = None) -> bytes:
        """Send a request; raise OSError unless it is acknowledged."""
        data = None if document is None else json.dumps(document).encode()
        headers = {**self._server.headers(), "Content-Type": "application/json"}
        if method != "PUT":
            return fetch(self._server.url + path, data, headers, _TIMEOUT_S)
        request = Request(self._server.url + path, data, headers, method=method)
        with build_opener().open(request, timeout=_TIMEOUT_S) as answer:
            body: bytes = answer.read()
        return body
