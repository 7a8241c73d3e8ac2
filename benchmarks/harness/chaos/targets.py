"""Targets on command: each raises its level, falls silent or answers garbage when it is asked to.

Each target serves the gauge `chaos_level`, which is 1,000 plus the number of an episode
while the target is raised, and counters beside it. The process records each scrape that
it answered with a raised level: from then on the server can know of the episode.
"""

import argparse
import gzip
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from benchmarks.harness.chaos.clock import now_ms
from benchmarks.harness.load.target_process import (
    LOOPBACK,
    NOT_FOUND,
    TargetProcess,
    ok,
    serve,
)

RAISED = 1000
"""The level of episode 0; lower levels are normal."""

Mode = Literal["well", "silent", "garbage", "truncated", "endless", "error"]
BROKEN_MODES: Sequence[Mode] = ("silent", "garbage", "truncated", "endless", "error")
"""The ways in which a scrape of a target fails."""

_COUNTERS = 60
_TEXT = "text/plain; version=0.0.4"
_GARBAGE_BYTES = 8_000_000
_ENDLESS_LINE = 20_000_000
_ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


@dataclass(slots=True)
class RaisedScrape:
    """A scrape that carried a raised level."""

    target: int
    episode: int
    served_ms: int


def garbage(mode: Mode, seed: int) -> bytes:
    """Return the response of a broken target; nothing at all if it is silent."""
    match mode:
        case "silent":
            return b""
        case "error":
            return _ERROR
        case "endless":
            return ok(_TEXT, b"chaos_level{" + b"a" * _ENDLESS_LINE)
        case "truncated":
            # A gzip body that ends in the middle.
            body = gzip.compress(b"chaos_level 1\n" * 10_000)[:-20]
            head, _, _ = ok(_TEXT, body).partition(b"\r\n\r\n")
            return head + b"\r\nContent-Encoding: gzip\r\n\r\n" + body
    return ok(_TEXT, random.Random(seed).randbytes(_GARBAGE_BYTES))


@dataclass(slots=True)
class Actor:
    """One target."""

    number: int
    raised: list[RaisedScrape]
    level: int = 1
    mode: Mode = "well"
    scrapes: int = 0
    garbage: dict[Mode, bytes] = field(default_factory=dict)

    def answer(self, request_line: bytes, _gzipped: bool) -> bytes:
        """Answer a request; record it if the level is raised."""
        if not request_line.startswith(b"GET /metrics"):
            return NOT_FOUND
        self.scrapes += 1
        if self.mode != "well":
            if self.mode not in self.garbage:
                self.garbage[self.mode] = garbage(self.mode, self.number)
            return self.garbage[self.mode]
        if self.level >= RAISED:
            self.raised.append(RaisedScrape(self.number, self.level - RAISED, now_ms()))
        lines = [f"# TYPE chaos_level gauge\nchaos_level {self.level}\n"]
        lines += [
            f'chaos_counter_total{{n="{n}"}} {self.scrapes * (n + 1)}\n' for n in range(_COUNTERS)
        ]
        return ok(_TEXT, "".join(lines).encode())

    def command(self, name: str, value: str) -> None:
        """Change the level or the mode."""
        if name == "level":
            self.level = int(value)
        else:
            self.mode = value  # type: ignore[assignment]


class Targets(TargetProcess):
    """The targets in their own process while a `with` block runs."""

    def __init__(self, count: int, log_directory: Path, network: str = LOOPBACK) -> None:
        options = ("--network", network)
        super().__init__(__name__, count, log_directory, options, network)

    def raise_level(self, target: int, episode: int) -> None:
        """Raise a target's level: an episode begins."""
        self.ask(f"do?target={target}&level={RAISED + episode}")

    def lower_level(self, target: int) -> None:
        """End a target's episode."""
        self.ask(f"do?target={target}&level=1")

    def set_mode(self, target: int, mode: Mode) -> None:
        """Break a target, or mend it with `well`."""
        self.ask(f"do?target={target}&mode={mode}")

    def raised_scrapes(self) -> list[RaisedScrape]:
        """Return all scrapes that carried a raised level."""
        return [RaisedScrape(*one) for one in self.ask("raised")["raised"]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--targets", type=int, required=True)
    parser.add_argument("--control", required=True, metavar="HOST:PORT")
    parser.add_argument("--network", default=LOOPBACK)
    options = parser.parse_args(arguments)
    raised: list[RaisedScrape] = []
    actors = [Actor(number, raised) for number in range(options.targets)]

    def control(request_line: bytes) -> dict[str, object]:
        url = urlsplit(request_line.decode().split(" ")[1])
        orders = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/raised":
            return {"raised": [(one.target, one.episode, one.served_ms) for one in raised]}
        target = orders.pop("target", None)
        for name, value in orders.items():
            if target is not None:
                actors[int(target)].command(name, value)
        return {}

    with suppress(KeyboardInterrupt):
        serve([actor.answer for actor in actors], options.control, control, options.network)


if __name__ == "__main__":
    main()
