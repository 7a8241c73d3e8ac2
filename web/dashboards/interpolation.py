"""Variables in queries, `$name`, `${name:format}` and `[[name]]`, as the page replaces them.

A shared page's queries are interpolated here, so that it cannot ask for anything else.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from model.durations import format_duration

ALL: Final = "$__all"
_PLACE: Final = re.compile(
    r"\$(\w+)|\$\{(\w+)(?:\.[^:}]+)?(?::(\w+))?\}|\[\[(\w+)(?::(\w+))?\]\]", re.ASCII
)
_SCRAPE_S: Final = 15
_SAMPLES: Final = 4


@dataclass(frozen=True, slots=True)
class VariableValues:
    """The values of a variable.

    Attributes:
        is_list: whether it can have several values: it is then a regular expression.
        all_text: the text that stands for all values, "" for the values themselves.
    """

    values: tuple[str, ...]
    is_list: bool = False
    all_text: str = ""


def interpolated(query: str, scope: Mapping[str, VariableValues]) -> str:
    """Return the query with values in place of variables; other names stay."""

    def replace(place: re.Match[str]) -> str:
        plain, braced, braced_format, bracketed, bracketed_format = place.groups()
        found = scope.get(plain or braced or bracketed)
        if found is None:
            return place[0]
        return _written(found, braced_format or bracketed_format or "promql")

    return _PLACE.sub(replace, query)


def _written(found: VariableValues, wanted: str) -> str:
    if found.all_text and wanted != "text":
        return found.all_text
    if wanted == "promql":
        if found.is_list:
            return _regex(found.values)
        return _string_escaped(found.values[0] if found.values else "")
    return _FORMATS.get(wanted, ",".join)(found.values)


def _regex(values: Sequence[str]) -> str:
    escaped = [_regex_escaped(value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _regex_escaped(value: str) -> str:
    """Escape twice: for the regular expression, and for the string of PromQL around it."""
    return _string_escaped(re.sub(r"[\\^$*+?.()|\[\]{}]", r"\\\g<0>", value))


def _string_escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _quoted(mark: str) -> Callable[[Sequence[str]], str]:
    def write(values: Sequence[str]) -> str:
        escaped = (each.replace(mark, f"\\{mark}") for each in values)
        return ",".join(f"{mark}{each}{mark}" for each in escaped)

    return write


_FORMATS: Final[Mapping[str, Callable[[Sequence[str]], str]]] = {
    "text": " + ".join,
    "pipe": "|".join,
    "glob": lambda values: f"{{{','.join(values)}}}" if len(values) > 1 else "".join(values),
    "json": lambda values: json.dumps(list(values), ensure_ascii=False, separators=(",", ":")),
    "doublequote": _quoted('"'),
    "singlequote": _quoted("'"),
    "percentencode": lambda values: quote(",".join(values), safe="!'()*-._~"),
    "regex": _regex,
}


def rate_interval_s(step_s: float, least_s: float) -> float:
    """Return Grafana's `$__rate_interval`: a window with four samples at least."""
    scrape_s = least_s or _SCRAPE_S
    return max(step_s + scrape_s, _SAMPLES * scrape_s)


def built_in_values(
    start_ms: float, end_ms: float, step_s: float, rate_s: float
) -> dict[str, VariableValues]:
    """Return the variables that every query may use."""
    range_s = max(1, math.floor((end_ms - start_ms) / 1000 + 0.5))
    texts: dict[str, str | float] = {
        "__interval": format_duration(round(step_s * 1000)),
        "__interval_ms": step_s * 1000,
        "__rate_interval": format_duration(round(rate_s * 1000)),
        "__rate_interval_ms": rate_s * 1000,
        "__range": f"{range_s}s",
        "__range_s": range_s,
        "__range_ms": range_s * 1000,
        "__from": start_ms,
        "__to": end_ms,
        "timeFilter": "",
        "__timezone": "browser",
    }
    return {name: VariableValues((_number_text(value),)) for name, value in texts.items()}


def _number_text(value: str | float) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
