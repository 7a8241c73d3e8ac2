"""Parses series descriptions: `up{job="node"} 1+2x3 _ stale`.

Unit tests of rules and the test scripts of the Prometheus project describe series like this.

Source: Prometheus documentation, "Unit testing for rules", series.
"""

import re
from dataclasses import dataclass
from typing import Final

from model.labels import METRIC_NAME, Labels
from model.series import STALE
from promql.syntax.numbers import parse_number
from promql.syntax.strings import bad_escape, unquote

MAX_POINTS: Final = 10_000_000
"""The most samples of one description: `0x1000000000` would fill the memory."""

_NUMBER = r"(?:[-+]?(?:[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+\.|[iI]nf|[nN]a[nN]))"
_END = r"(?=\s|$)"
_POINT = re.compile(rf"({_NUMBER})(?:([-+])({_NUMBER}))?(?:x([0-9]+))?{_END}")
_BLANK = re.compile(rf"_(?:x([0-9]+))?{_END}")
_STALE = re.compile(rf"stale(?:x([0-9]+))?{_END}")
_HISTOGRAM = re.compile(r"\{\{[^}]*\}\}(?:[-+]\{\{[^}]*\}\})?(?:x([0-9]+))?")
_STRING = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`"
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_PAIR = re.compile(
    rf"\s*([a-zA-Z_:][a-zA-Z0-9_.:]*|{_STRING})\s*=\s*({_STRING})\s*(?:,|(?=\}}))", re.DOTALL
)
_QUOTED_NAME = re.compile(rf"\s*({_STRING})\s*(?:,|(?=\}}))", re.DOTALL)
_NUMBER_WORDS = ("inf", "nan")


@dataclass(frozen=True, slots=True)
class Histogram:
    """A native histogram, as text, because the engine does not support them."""

    text: str


Point = float | Histogram | None
"""A sample; None where there is none."""


class NotationError(ValueError):
    """The text is not a series description; the message quotes the place."""


def parse_series(text: str) -> tuple[Labels, str]:
    """Return the label set of a description, and the rest of the text.

    Raises:
        NotationError: it does not begin with a label set.
    """
    text = text.strip()
    labels: dict[str, str] = {}
    match = _NAME.match(text)
    at = 0
    if match and match.group().lower() not in _NUMBER_WORDS:
        labels[METRIC_NAME] = match.group()
        at = match.end()
    if text[at : at + 1] == "{" and text[at : at + 2] != "{{":
        at = _parse_braces(text, at + 1, labels)
    return Labels.of(labels), text[at:].strip()


def parse_metric(text: str) -> Labels:
    """Return the label set that a text is: `up{job="node"}`.

    Raises:
        NotationError: it is not a label set, or something follows.
    """
    labels, rest = parse_series(text)
    if rest:
        raise NotationError(f"unexpected {rest[:40]!r}")
    return labels


def _parse_braces(text: str, at: int, labels: dict[str, str]) -> int:
    """Add the labels inside braces; return the place behind the closing one."""
    while text[at:].lstrip()[:1] != "}":
        quoted = _QUOTED_NAME.match(text, at)
        pair = None if quoted else _PAIR.match(text, at)
        match = quoted or pair
        if match is None:
            rest = text[at:].strip()
            raise NotationError(
                f"unexpected {rest[:40]!r} inside braces, expected name=value"
                if rest
                else "unexpected end of input inside braces"
            )
        texts = [part for part in match.groups() if part[0] in "\"'`"]
        wrong = next((reason for reason in map(bad_escape, texts) if reason), None)
        if wrong:
            raise NotationError(wrong)
        if quoted:
            labels[METRIC_NAME] = unquote(quoted[1])
        elif pair:
            name = unquote(pair[1]) if pair[1][0] in "\"'`" else pair[1]
            labels[name] = unquote(pair[2])
        at = match.end()
    return text.index("}", at) + 1


def signed_number(text: str) -> float:
    """Return the value of a number with its sign."""
    sign = -1.0 if text.startswith("-") else 1.0
    return sign * parse_number(text.lstrip("+-"))


def parse_points(text: str) -> list[Point]:
    """Return the samples of a sequence, one for each interval.

    Raises:
        NotationError: it is not a sequence, or too long.
    """
    points: list[Point] = []
    at = 0
    text = text.strip()
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        at = _parse_item(text, at, points)
    return points


def _parse_item(text: str, at: int, points: list[Point]) -> int:
    for pattern, read in _ITEMS:
        match = pattern.match(text, at)
        if match:
            try:
                points.extend(read(match))
            except NotationError:
                raise
            except ValueError as exc:
                # A number that no float holds, or a count with thousands of digits.
                raise NotationError(str(exc)) from exc
            if len(points) > MAX_POINTS:
                raise _too_many()
            return match.end()
    word = text[at:].split(maxsplit=1)[0]
    raise NotationError(f'unexpected {word[:40]!r} in series values, expected number or "stale"')


def _too_many() -> NotationError:
    return NotationError(f"more than {MAX_POINTS:,} samples in one series")


def _repeated(point: Point, count: int) -> list[Point]:
    if count > MAX_POINTS:
        raise _too_many()
    return [point] * count


def _numbers(match: re.Match[str]) -> list[Point]:
    """Return the samples of `a+bxn`: a, a+b, … up to n additions."""
    value, count = signed_number(match[1]), int(match[4] or 0) + 1
    if not match[2]:
        return _repeated(value, count)
    step = signed_number(match[3]) * (-1.0 if match[2] == "-" else 1.0)
    values: list[Point] = list(_repeated(value, count))
    for place in range(1, count):
        value += step
        values[place] = value
    return values


_ITEMS = (
    (_HISTOGRAM, lambda match: _repeated(Histogram(match.group()), int(match[1] or 0) + 1)),
    (_BLANK, lambda match: _repeated(None, int(match[1] or 1))),
    (_STALE, lambda match: _repeated(STALE, int(match[1] or 1))),
    (_POINT, _numbers),
)
