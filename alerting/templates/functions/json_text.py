"""Writes values as Go's package encoding/json does.

Source: Go, package encoding/json; Alertmanager, template/template.go for the names of fields.
"""

import json
import math

from alerting.templates.values.floats import format_json
from alerting.templates.values.times import TimeValue
from alerting.templates.values.values import (
    FunctionError,
    SliceValue,
    StructValue,
    Value,
    entries_of,
    is_map,
    text_too_long,
    type_name,
)

_MAX_DEPTH = 40
_ESCAPES = str.maketrans(
    {
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
        "\x7f": "\x7f",
    }
)


def json_text(value: Value, limit: int) -> str:
    """Return a value as JSON.

    Raises:
        FunctionError: JSON has no such value.
        LimitExceededError: the text is longer than the limit.
    """
    return _Writer(limit).text(value, 0)


class _Writer:
    """Writes one value; counts the characters."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def text(self, value: Value, depth: int) -> str:
        if depth > _MAX_DEPTH:
            raise FunctionError("lists are nested too deeply for JSON")
        text = self._scalar(value)
        if text is None:
            text = self._nested(value, depth)
        self._left -= len(text)
        if self._left < 0:
            raise text_too_long()
        return text

    def _scalar(self, value: Value) -> str | None:
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(int(value))
        if isinstance(value, float):
            if not math.isfinite(value):
                raise FunctionError(f"json: unsupported value: {value:+}".replace("+nan", "NaN"))
            return format_json(value)
        if isinstance(value, str):
            # Bytes that are not UTF-8 are replaced, as in Go.
            valid = value.encode(errors="replace").decode() if not value.isascii() else value
            return json.dumps(valid, ensure_ascii=False).translate(_ESCAPES)
        return f'"{value.rfc3339}"' if isinstance(value, TimeValue) else None

    def _nested(self, value: Value, depth: int) -> str:
        if isinstance(value, SliceValue):
            return f"[{','.join(self.text(item, depth + 1) for item in value.items)}]"
        if is_map(value):
            entries = entries_of(value)
        elif isinstance(value, StructValue):
            entries = {
                value.json_names.get(name, name): item for name, item in value.fields.items()
            }
        else:
            raise FunctionError(f"json: unsupported type: {type_name(value)}")
        pairs = [
            f"{self.text(name, depth + 1)}:{self.text(item, depth + 1)}"
            for name, item in entries.items()
        ]
        return f"{{{','.join(pairs)}}}"
