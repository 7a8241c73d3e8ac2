"""Targets on command: what they serve, and what they record."""

import gzip
import zlib

import pytest

from benchmarks.harness.chaos.targets import (
    BROKEN_MODES,
    RAISED,
    Actor,
    Mode,
    RaisedScrape,
    garbage,
)
from benchmarks.harness.load.target_process import NOT_FOUND

SCRAPE = b"GET /metrics HTTP/1.1"


def body(response: bytes) -> bytes:
    return response.partition(b"\r\n\r\n")[2]


def actor() -> Actor:
    return Actor(7, [])


def test_target_serves_its_level_and_ascending_counters() -> None:
    one = actor()
    first, second = (body(one.answer(SCRAPE, False)).decode() for _ in range(2))  # noqa: FBT003
    assert "\nchaos_level 1\n" in first
    assert 'chaos_counter_total{n="2"} 3\n' in first
    assert 'chaos_counter_total{n="2"} 6\n' in second
    assert one.answer(b"GET / HTTP/1.1", False) == NOT_FOUND  # noqa: FBT003


def test_only_scrapes_of_a_raised_level_are_recorded() -> None:
    one = actor()
    one.answer(SCRAPE, False)  # noqa: FBT003
    one.command("level", str(RAISED + 4))
    assert b"\nchaos_level 1004\n" in one.answer(SCRAPE, False)  # noqa: FBT003
    one.command("mode", "silent")
    one.answer(SCRAPE, False)  # noqa: FBT003
    one.command("mode", "well")
    one.command("level", "1")
    one.answer(SCRAPE, False)  # noqa: FBT003
    (only,) = one.raised
    assert only == RaisedScrape(7, 4, only.served_ms)


@pytest.mark.parametrize("mode", BROKEN_MODES)
def test_no_scrape_of_a_broken_target_can_succeed(mode: Mode) -> None:
    response = garbage(mode, 1)
    head, _, content = response.partition(b"\r\n\r\n")
    match mode:
        case "silent":
            assert response == b""
        case "error":
            assert head.startswith(b"HTTP/1.1 500 ")
        case "truncated":
            with pytest.raises((EOFError, zlib.error)):
                gzip.decompress(content)
        case "endless":
            assert b"\n" not in content
        case _:
            with pytest.raises(UnicodeDecodeError):
                content.decode()
