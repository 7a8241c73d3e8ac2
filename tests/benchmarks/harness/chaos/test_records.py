"""Acknowledged records that the server does not have are lost."""

import json
from typing import Any, cast

from benchmarks.harness.chaos.records import RecordWriter


class RecordingServer(RecordWriter):
    """A writer whose requests go to a dictionary, which may refuse or forget them."""

    def __init__(self) -> None:
        super().__init__(cast("Any", None))
        self.checks: dict[str, float] = dict.fromkeys(("cpu", "memory", "disk"), 85.0)
        self.refuses = self.forgets = False

    def _request(self, method: str, path: str, document: object = None) -> bytes:
        if method == "POST":
            return b'{"id": 1}'
        if method == "GET":
            found = [{"check": name, "warning": value} for name, value in self.checks.items()]
            return json.dumps({"checks": found}).encode()
        if not self.forgets:
            written = cast("dict[str, Any]", document)
            self.checks[path.rpartition("/")[2]] = written["warning"]
        if self.refuses:
            raise OSError("refused")
        return b""


def writer() -> RecordingServer:
    one = RecordingServer()
    one.register(["10.99.0.51:80"])
    return one


def test_record_that_is_there_is_not_lost() -> None:
    one = writer()
    for _ in range(20):
        one.write()
    assert (one.lost(), one.acknowledged) == ([], 20)


def test_forgotten_record_is_lost() -> None:
    one = writer()
    for _ in range(6):
        one.write()
    one.forgets = True
    one.write()
    assert [defect.text for defect in one.lost()] == [
        "cpu of host 1 is 50.3, acknowledged was 50.6"
    ]


def test_refused_record_may_have_been_written() -> None:
    one = writer()
    for _ in range(3):
        one.write()
    one.refuses = True
    one.write()
    assert (one.lost(), one.acknowledged) == ([], 3)
    one.refuses = False
    one.checks["cpu"] = 85.0
    assert len(one.lost()) == 1
