"""The notation of samples in test scripts: `1+2x3 _ stale NaN {{…}}`."""

import re
from dataclasses import dataclass

from model.durations import parse_duration_ms
from model.labels import METRIC_NAME, Labels
from model.series import STALE
from promql.syntax.numbers import parse_number
from promql.syntax.strings import unquote

_NUMBER = r"(?:[-+]?(?:[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+\.|[iI]nf|[nN]a[nN]))"
_POINT = re.compile(rf"({_NUMBER})(?:([-+])({_NUMBER}))?(?:x([0-9]+))?")
_BLANK = re.compile(r"_(?:x([0-9]+))?")
_STALE = re.compile(r"stale(?:x([0-9]+))?")
_HISTOGRAM = re.compile(r"\{\{[^}]*\}\}(?:[-+]\{\{[^}]*\}\})?(?:x([0-9]+))?")
_START = re.compile(
    r"([-+]?)([0-9]+(?:ms|[smhdwy])?[0-9a-z]*?)(?:([-+])([0-9]+(?:ms|[smhdwy])))?(?:x([0-9]+))?"
)
_STRING = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`"
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_PAIR = re.compile(rf"\s*([a-zA-Z_:][a-zA-Z0-9_.:]*|{_STRING})\s*=\s*({_STRING})\s*,?")
_QUOTED_NAME = re.compile(rf"\s*({_STRING})\s*(?=[,}}]),?")


@dataclass(frozen=True, slots=True)
class Histogram:
    """A native histogram, as text, because the engine does not support them."""

    text: str


Point = float | Histogram | None
"""A sample; None where there is none."""


class NotationError(Exception):
    """The text is not a series description."""


def parse_series(text: str) -> tuple[Labels, str]:
    """Return the label set of a line, and the rest of the line."""
    text = text.strip()
    labels: dict[str, str] = {}
    match = _NAME.match(text)
    at = 0
    if match and not _is_number(match.group()):
        labels[METRIC_NAME] = match.group()
        at = match.end()
    if text[at : at + 1] == "{" and text[at : at + 2] != "{{":
        at += 1
        while text[at:].lstrip()[:1] != "}":
            quoted = _QUOTED_NAME.match(text, at)
            if quoted:
                labels[METRIC_NAME] = unquote(quoted[1])
                at = quoted.end()
                continue
            pair = _PAIR.match(text, at)
            if pair is None:
                raise NotationError(text)
            name = unquote(pair[1]) if pair[1][0] in "\"'`" else pair[1]
            labels[name] = unquote(pair[2])
            at = pair.end()
        at = text.index("}", at) + 1
    return Labels.of(labels), text[at:].strip()


def _is_number(word: str) -> bool:
    return word.lower() in ("inf", "nan")


def number(text: str) -> float:
    """Return a number with its sign."""
    sign = -1.0 if text.startswith("-") else 1.0
    return sign * parse_number(text.lstrip("+-"))


def parse_points(text: str) -> list[Point]:
    """Return the samples of a sequence."""
    points: list[Point] = []
    at = 0
    text = text.strip()
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        at = _one(text, at, points)
    return points


def _one(text: str, at: int, points: list[Point]) -> int:
    if text.startswith("{{", at):
        match = _HISTOGRAM.match(text, at)
        if match is None:
            raise NotationError(text[at:])
        repeat = int(match[1] or 0)
        points.extend([Histogram(match.group())] * (repeat + 1))
        return match.end()
    for pattern, value in ((_BLANK, None), (_STALE, STALE)):
        match = pattern.match(text, at)
        if match:
            points.extend([value] * int(match[1] or 1))
            return match.end()
    match = _POINT.match(text, at)
    if match is None:
        raise NotationError(text[at:])
    value = number(match[1])
    step = number(match[3]) * (-1.0 if match[2] == "-" else 1.0) if match[2] else 0.0
    for _ in range(int(match[4] or 0) + 1):
        points.append(value)
        value += step
    return match.end()


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
