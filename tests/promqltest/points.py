"""The notation of start times in test scripts, beside that of series and samples."""

import re

from model.durations import parse_duration_ms
from promql.syntax.series_notation import (
    Histogram,
    NotationError,
    Point,
    parse_points,
    parse_series,
)

__all__ = ["Histogram", "NotationError", "Point", "parse_points", "parse_series", "parse_starts"]

_BLANK = re.compile(r"_(?:x([0-9]+))?")
_START = re.compile(
    r"([-+]?)([0-9]+(?:ms|[smhdwy])?[0-9a-z]*?)(?:([-+])([0-9]+(?:ms|[smhdwy])))?(?:x([0-9]+))?"
)


def parse_starts(text: str) -> list[int | None]:
    """Return start times, in milliseconds relative to their samples."""
    starts: list[int | None] = []
    for word in text.split():
        blank = _BLANK.fullmatch(word)
        if blank:
            starts.extend([None] * int(blank[1] or 1))
            continue
        match = _START.fullmatch(word)
        if match is None:
            raise NotationError(word)
        value = parse_duration_ms(match[2]) * (-1 if match[1] == "-" else 1)
        step = 0
        if match[3]:
            step = parse_duration_ms(match[4]) * (-1 if match[3] == "-" else 1)
        for _ in range(int(match[5] or 0) + 1):
            starts.append(value)
            value += step
    return starts
