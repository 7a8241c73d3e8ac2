"""Reads values of JSON that may be missing, of another type, or numbers written as text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import orjson

from analytics.timestamps import TimestampError, in_utc, unix_ms_of

LONGEST_TEXT: Final = 500
LONGEST_CONTENT: Final = 20_000
"""How much of a prompt, a message or an edit is kept, in characters."""
_LARGEST: Final = 2**53
_LARGEST_REAL: Final = 1e12

Json = Mapping[str, Any]

_NOTHING: Final[Json] = {}


def objects_in(lines: Iterable[bytes], marks: Sequence[bytes] = ()) -> Iterator[Json]:
    """Yield the JSON objects of lines, one document each; pass over whatever is none.

    Args:
        lines: of a trace file, which others wrote.
        marks: a line without any of these is not even parsed; none parses all.
    """
    for line in lines:
        if not line.strip() or (marks and not any(mark in line for mark in marks)):
            continue
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(entry, dict):
            yield entry


def entries_in(lines: Sequence[bytes]) -> Iterator[Json]:
    """Yield the JSON object that several lines are together, or else that of each line."""
    # A first line that ends an object is one by itself: its file need not be parsed twice.
    if len(lines) > 1 and not lines[0].rstrip().endswith(b"}"):
        try:
            document = orjson.loads(b"\n".join(lines))
        except orjson.JSONDecodeError:
            pass
        else:
            if isinstance(document, dict):
                yield document
            return
    yield from objects_in(lines)


def object_at(value: Json, name: str) -> Json:
    """Return a member that is an object, an empty one if it is none."""
    found = value.get(name)
    return found if isinstance(found, dict) else _NOTHING


def text_at(value: Json, *names: str) -> str:
    """Return the first member that is a text with content, cut to `LONGEST_TEXT`; else ""."""
    for name in names:
        found = value.get(name)
        if isinstance(found, str) and found:
            return found[:LONGEST_TEXT]
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
    return ""


def count_at(value: Json, *names: str) -> int:
    """Return the first member that is a number of zero or more, as a whole one; else 0."""
    for name in names:
        found = number_of(value.get(name))
        if found is not None:
            return min(max(int(found), 0), _LARGEST)
    return 0


def count_or_none(value: Json, *names: str) -> int | None:
    """Return the first member that is a number, as a whole one of at least 0; else None."""
    for name in names:
        found = number_of(value.get(name))
        if found is not None:
            return min(max(round(found), 0), _LARGEST)
    return None


def real_at(value: Json, *names: str) -> float | None:
    """Return the first member that is a finite number of at least 0, None without one."""
    for name in names:
        found = number_of(value.get(name))
        if found is not None and found >= 0:
            return float(found)
    return None


def number_of(value: object) -> int | float | None:
    """Return a number, also of a text, None if the value is none or too large."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        try:
            value = float(value) if not value.strip().isdecimal() else int(value)
        except ValueError:
            return None
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST else None
    if isinstance(value, float) and abs(value) <= _LARGEST_REAL:
        return value
    return None


def flag_at(value: Json, *names: str) -> bool | None:
    """Return the first member that is true or false, also as a text or a number."""
    for name in names:
        found = value.get(name)
        if isinstance(found, bool):
            return found
        if isinstance(found, str) and found.lower() in ("true", "false"):
            return found.lower() == "true"
        if isinstance(found, int) and found in (0, 1):
            return bool(found)
    return None


def time_at(value: Json, *names: str) -> int | None:
    """Return the first member that is a time, in Unix milliseconds; None without one."""
    for name in names:
        found = value.get(name)
        if isinstance(found, str):
            time_ms = _time_of_text(found)
        elif isinstance(found, int | float) and not isinstance(found, bool):
            time_ms = _time_of_number(found)
        else:
            continue
        if time_ms is not None:
            return time_ms
    return None


@lru_cache(maxsize=4096)
def _time_of_text(text: str) -> int | None:
    if len(text) == 24 and text.endswith("Z"):
        # The form that agents write; `fromisoformat` alone is three times as fast.
        try:
            return round(datetime.fromisoformat(text).timestamp() * 1000)
        except ValueError:
            return None
    try:
        return unix_ms_of(text)
    except TimestampError:
        pass
    number = number_of(text)
    if number is not None:
        return _time_of_number(number)
    try:
        return round(in_utc(datetime.fromisoformat(text.strip())).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _time_of_number(number: int | float) -> int | None:
    if number >= 1e17:
        number = number / 1e6
    elif number >= 1e14:
        number = number / 1e3
    try:
        return unix_ms_of(number)
    except TimestampError:
        return None


def lines_in(text: object) -> int:
    """Return how many lines a text has."""
    if not isinstance(text, str) or not text:
        return 0
    return text.count("\n") + (not text.endswith("\n"))


def last_part(path: str) -> str:
    """Return the last part of a path, of either system."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]
