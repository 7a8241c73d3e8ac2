"""Conditions on one value of a JSON document: a path, an operator and an expected value.

A path is the part of JSONPath that names one place: `$.status`, `$.checks[0].name`,
`$["odd key"]`. `[-1]` counts from the end.

Source: RFC 9535, section 2.3 (name and index selectors).
"""

import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final, Literal

JsonOperator = Literal["==", "!=", "<", "<=", ">", ">=", "contains", "exists"]

_PART: Final = re.compile(
    r"""\.(?P<name>[^.\[\]\s"']+)
      | \[(?P<index>-?\d{1,9})\]
      | \[(?P<quote>["'])(?P<quoted>(?:\\.|(?!(?P=quote)).)*)(?P=quote)\]""",
    re.VERBOSE | re.ASCII | re.DOTALL,
)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_LONGEST: Final = 500

Part = str | int

_ORDERS: Final = MappingProxyType[str, Callable[[float, float], bool]](
    {
        "<": lambda found, wanted: found < wanted,
        "<=": lambda found, wanted: found <= wanted,
        ">": lambda found, wanted: found > wanted,
        ">=": lambda found, wanted: found >= wanted,
    }
)


def parse_path(path: str) -> tuple[Part, ...]:
    """Return the keys and indices of a path; `$` alone is the whole document.

    Raises:
        ValueError: it is not such a path.
    """
    text = path.strip()
    if len(text) > _LONGEST:
        raise ValueError(f"a JSON path has at most {_LONGEST} characters")
    rest = text[1:] if text.startswith("$") else f".{text}"
    parts: list[Part] = []
    place = 0
    while place < len(rest):
        match = _PART.match(rest, place)
        if match is None:
            raise ValueError(
                f'"{path[:80]}" is not a path to one value, such as $.status or $.checks[0].name'
            )
        place = match.end()
        if match["index"] is not None:
            parts.append(int(match["index"]))
        elif match["name"] is not None:
            parts.append(match["name"])
        else:
            parts.append(_ESCAPED.sub(r"\1", match["quoted"]))
    return tuple(parts)


def value_at(document: Any, parts: tuple[Part, ...]) -> tuple[bool, Any]:
    """Return whether a document has a value at a path, and the value."""
    for part in parts:
        if isinstance(part, int):
            if not isinstance(document, list) or not -len(document) <= part < len(document):
                return False, None
            document = document[part]
        elif isinstance(document, dict) and part in document:
            document = document[part]
        else:
            return False, None
    return True, document


def holds(found: Any, operator: JsonOperator, expected: str) -> bool:
    """Report whether a value fulfils a condition.

    Numbers are compared as numbers. `contains` looks into a text, a list or the keys of an
    object.
    """
    if operator == "exists":
        return True
    if operator == "contains":
        return _contains(found, expected)
    if operator in ("==", "!="):
        return _equals(found, expected) is (operator == "==")
    number, wanted = _number(found), _number(expected)
    return number is not None and wanted is not None and _ORDERS[operator](number, wanted)


def _contains(found: Any, expected: str) -> bool:
    if isinstance(found, str):
        return expected in found
    if isinstance(found, list | dict):
        return any(_equals(each, expected) for each in found)
    return False


def _equals(found: Any, expected: str) -> bool:
    if isinstance(found, str):
        return found == expected
    if isinstance(found, bool) or found is None:
        return {True: "true", False: "false", None: "null"}[found] == expected.strip().lower()
    if isinstance(found, int | float):
        return _number(expected) == found
    return False


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
