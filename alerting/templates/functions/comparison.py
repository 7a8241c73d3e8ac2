"""The comparisons of templates: eq, ne, lt, le, gt, ge.

Source: Go, package text/template.
"""

from alerting.templates.values.printing import Flags, Printer
from alerting.templates.values.times import TimeValue
from alerting.templates.values.values import (
    ANY,
    Byte,
    FunctionError,
    SliceValue,
    TemplateFunction,
    Value,
    is_map,
    string_bytes,
    type_name,
)

_INVALID = "invalid type for comparison"
_INTEGERS = ("int", "uint")


def _kind(value: Value) -> str:
    """Return the kind of a value, "" of those that only eq compares."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "uint" if isinstance(value, Byte) else "int"
    for python_type, kind in ((float, "float"), (str, "string"), (complex, "complex")):
        if isinstance(value, python_type):
            return kind
    return ""


def _incompatible(first: Value, second: Value) -> FunctionError:
    types = f"{type_name(first)} and {type_name(second)}"
    return FunctionError(f"incompatible types for comparison: {types}")


def _equal_pair(first: Value, second: Value) -> bool:
    kinds = _kind(first), _kind(second)
    if kinds[0] != kinds[1]:
        if all(kind in _INTEGERS for kind in kinds):
            return int(first) == int(second)
        if first is not None and second is not None:
            raise _incompatible(first, second)
        return False
    if kinds[0]:
        return bool(first == second)
    if first is None or second is None:
        return first is second
    if _shape(first) != _shape(second):
        raise FunctionError(
            f"non-comparable types {_shown(first)}: {type_name(first)}, "
            f"{type_name(second)}: {_shown(second, 'v')}"
        )
    if not _is_comparable(second):
        raise FunctionError(f"non-comparable type {_shown(second)}: {type_name(second)}")
    if isinstance(first, TimeValue) and isinstance(second, TimeValue) and _shape(first) == "struct":
        return (first.unix_ns, first.zone) == (second.unix_ns, second.zone)
    if _shape(first) == "struct" and type_name(first) == type_name(second):
        return bool(first.fields == second.fields)
    return first is second


def _shown(value: Value, verb: str = "s") -> str:
    return Printer().value(value, verb, Flags())


def _shape(value: Value) -> str:
    """Return the kind of a container: slice, map, pointer or struct."""
    if isinstance(value, SliceValue):
        return "slice"
    if is_map(value):
        return "map"
    return "pointer" if type_name(value).startswith("*") else "struct"


def _is_comparable(value: Value) -> bool:
    """Whether Go can compare values of this type: structs only without lists and maps."""
    shape = _shape(value)
    if shape != "struct" or isinstance(value, TimeValue):
        return shape in ("struct", "pointer")
    return all(_kind(field) or isinstance(field, TimeValue) for field in value.fields.values())


def equal(first: Value, *others: Value) -> bool:
    """Whether the first value equals one of the others."""
    if not others:
        raise FunctionError("missing argument for comparison")
    return any(_equal_pair(first, other) for other in others)


def less(first: Value, second: Value) -> bool:
    """Whether a number or text is less than another."""
    kinds = _kind(first), _kind(second)
    if "" in kinds:
        raise FunctionError(_INVALID)
    if kinds[0] != kinds[1]:
        if all(kind in _INTEGERS for kind in kinds):
            return int(first) < int(second)
        raise _incompatible(first, second)
    if kinds[0] in ("bool", "complex"):
        raise FunctionError(_INVALID)
    if kinds[0] == "string":
        return string_bytes(first) < string_bytes(second)
    return bool(first < second)


def less_or_equal(first: Value, second: Value) -> bool:
    """Whether a number or text is at most another."""
    return less(first, second) or equal(first, second)


COMPARISONS = {
    "eq": TemplateFunction(equal, (ANY, ANY), variadic=True),
    # As in Go, the inverse of lt and le: true for NaN.
    "ge": TemplateFunction(lambda first, second: not less(first, second), (ANY, ANY)),
    "gt": TemplateFunction(lambda first, second: not less_or_equal(first, second), (ANY, ANY)),
    "le": TemplateFunction(less_or_equal, (ANY, ANY)),
    "lt": TemplateFunction(less, (ANY, ANY)),
    "ne": TemplateFunction(lambda first, second: not equal(first, second), (ANY, ANY)),
}
