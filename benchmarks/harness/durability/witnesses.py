"""Targets that record when they served each scrape, to check what was stored.

Every value encodes its target, its series and the number of its scrape. The series have
several kinds of values, which take all paths through parser, head and codec: counters,
fractions, values that seldom change, series that come and go, NaN, explicit timestamps.

`Witnesses` runs the targets in their own process. Its control address answers
`GET /served` with the time of each scrape of each target.
"""

import argparse
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.harness.load.target_process import NOT_FOUND, TargetProcess, ok, serve

SERIES = 30
STAMPED = "stamped"
"""The kind with explicit timestamps: the time when the scrape was served."""
KINDS = ("counter", "steps", "fraction", "seldom_there", "constant", "nan_at_times", STAMPED)

_SCRAPES = 2**20
_STEP_SCRAPES = 7
_THERE_SCRAPES = 4


def kind_of(series: int) -> str:
    """Return the kind of a series."""
    return KINDS[series % len(KINDS)]


def value_of(target: int, series: int, scrape: int) -> float | None:
    """Return the value that a target served, None if the scrape lacks the series."""
    here = float((target * SERIES + series) * _SCRAPES)
    match kind_of(series):
        case "steps":
            return here + scrape // _STEP_SCRAPES
        case "fraction":
            return (here + scrape) / 3
        case "seldom_there" if scrape // _THERE_SCRAPES % 2:
            return None
        case "constant":
            return here
        case "nan_at_times" if scrape % 3 == 0:
            return math.nan
    return here + scrape


def scrape_of(target: int, series: int, value: float) -> int:
    """Return the scrape number that the value of a counter encodes."""
    return round(value) - (target * SERIES + series) * _SCRAPES


def exposition(target: int, scrape: int, time_ms: int) -> bytes:
    """Return the exposition of a target."""
    lines = []
    for series in range(SERIES):
        value, kind = value_of(target, series, scrape), kind_of(series)
        if value is not None:
            stamp = f" {time_ms}" if kind == STAMPED else ""
            lines.append(f'witness_{kind}{{n="{series}"}} {value!r}{stamp}\n')
    return "".join(lines).encode()


class Witness:
    """One target."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.served_ms: list[int] = []

    def answer(self, request_line: bytes, _gzipped: bool) -> bytes:
        """Answer a request and record the time."""
        if not request_line.startswith(b"GET /metrics"):
            return NOT_FOUND
        now_ms = time.time_ns() // 1_000_000
        body = exposition(self._number, len(self.served_ms), now_ms)
        self.served_ms.append(now_ms)
        return ok("text/plain; version=0.0.4", body)


class Witnesses(TargetProcess):
    """The targets in their own process while a `with` block runs."""

    def __init__(self, targets: int, log_directory: Path) -> None:
        super().__init__("benchmarks.harness.durability.witnesses", targets, log_directory)

    def served(self) -> list[list[int]]:
        """Return the times of the scrapes of each target, Unix milliseconds."""
        served: list[list[int]] = self.ask("served")["served"]
        return served


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--targets", type=int, required=True)
    parser.add_argument("--control", required=True, metavar="HOST:PORT")
    options = parser.parse_args(arguments)
    witnesses = [Witness(number) for number in range(options.targets)]

    def control(_request_line: bytes) -> dict[str, object]:
        return {"served": [witness.served_ms for witness in witnesses]}

    with suppress(KeyboardInterrupt):
        serve([witness.answer for witness in witnesses], options.control, control)


if __name__ == "__main__":
    main()
