"""The functions that every template of Go has.

Source: Go, package text/template.
"""

import re
from collections.abc import Callable
from itertools import pairwise
from urllib.parse import quote_plus

from alerting.templates.expansion import Expansion
from alerting.templates.functions.comparison import COMPARISONS
from alerting.templates.language.literals import is_printable
from alerting.templates.values.printf import printf
from alerting.templates.values.printing import NO_VALUE, print_value, sprint, sprintln
from alerting.templates.values.values import (
    ANY,
    Byte,
    FunctionError,
    SliceValue,
    TemplateFunction,
    Value,
    element_type,
    from_bytes,
    is_map,
    is_true,
    length_of,
    pointed,
    string_bytes,
    type_name,
    zero_value,
)

_HTML = str.maketrans(
    {"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"}
)
_JS = {
    "\\": r"\\",
    "'": r"\'",
    '"': r"\"",
    "<": r"\u003C",
    ">": r"\u003E",
    "&": r"\u0026",
    "=": r"\u003D",
}
_MOST_INDEXES = 3


def _pointed_type(value: Value) -> str:
    """Return the type of a value, of a pointer that of what it points to."""
    return type_name(value).removeprefix("*")


def _checked_index(index: Value, length: int) -> int:
    if index is None:
        raise FunctionError("cannot index slice/array with nil")
    if isinstance(index, bool) or not isinstance(index, int):
        raise FunctionError(f"cannot index slice/array with type {type_name(index)}")
    if not 0 <= index <= length:
        raise FunctionError(f"index out of range: {int(index)}")
    return int(index)


def _index(item: Value, *indexes: Value) -> Value:
    """Return `item[a][b]…` of maps, slices and strings."""
    if item is None:
        raise FunctionError("index of untyped nil")
    for index in indexes:
        item = _element(item, index)
    return item


def _element(item: Value, index: Value) -> Value:
    if item is None:
        raise FunctionError("index of nil pointer")
    if isinstance(item, str):
        data = string_bytes(item)
        at = _checked_index(index, len(data))
        if at == len(data):
            raise FunctionError("reflect: string index out of range")
        return Byte(data[at])
    if isinstance(item, SliceValue):
        at = _checked_index(index, len(item.items))
        if at == len(item.items):
            raise FunctionError("reflect: slice index out of range")
        return item.items[at]
    if not is_map(item):
        raise FunctionError(f"can't index item of type {_pointed_type(item)}")
    if index is None:
        raise FunctionError("value is nil; should be of type string")
    if type(index) is not str:
        raise FunctionError(f"value has type {type_name(index)}; should be string")
    found = dict(item).get(index) if isinstance(item, tuple) else item.entries.get(index)
    return zero_value(element_type(item)) if found is None else found


def _slice(item: Value, *indexes: Value) -> Value:
    """Return `item[a:b]` of a slice or string."""
    if item is None:
        raise FunctionError("slice of untyped nil")
    if len(indexes) > _MOST_INDEXES:
        raise FunctionError(f"too many slice indexes: {len(indexes)}")
    if isinstance(item, str) and len(indexes) == _MOST_INDEXES:
        raise FunctionError("cannot 3-index slice a string")
    if not isinstance(item, str | SliceValue):
        raise FunctionError(f"can't slice item of type {_pointed_type(item)}")
    data = string_bytes(item) if isinstance(item, str) else tuple(item.items)
    bounds = [_checked_index(index, len(data)) for index in indexes]
    whole = (*bounds, *(0, len(data), len(data))[len(bounds) :])
    for low, high in pairwise(whole):
        if low > high:
            raise FunctionError(f"invalid slice index: {low} > {high}")
    cut = data[whole[0] : whole[1]]
    if isinstance(item, SliceValue):
        return item.like(cut)
    return from_bytes(bytes(cut))


def _length(item: Value) -> int:
    if item is None:
        raise FunctionError("reflect: call of reflect.Value.Type on zero Value")
    length = length_of(item)
    if length is None:
        raise FunctionError(f"len of type {_pointed_type(item)}")
    return length


def _call(function: Value, *_: Value) -> Value:
    """Fail: no value of these templates is a function."""
    if function is None:
        raise FunctionError("call of nil")
    raise FunctionError(f"non-function {print_value(function)} of type {type_name(function)}")


def text_of(expansion: Expansion, values: tuple[Value, ...]) -> str:
    """Return the text of arguments, for the functions that escape it."""
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    shown = [NO_VALUE if value is None else pointed(value) for value in values]
    return sprint(shown, expansion.budget.chars_left)


def escape_html(text: str) -> str:
    """Return text as it stands in HTML."""
    return text.translate(_HTML)


def escape_js(text: str) -> str:
    """Return text as it stands in a string of JavaScript."""
    return re.sub(r"[^\w .,/:;()\[\]{}*+?!#$%@^|~`-]", _escaped_js, text)


def _escaped_js(match: re.Match[str]) -> str:
    char = match[0]
    if char in _JS:
        return _JS[char]
    if char < " ":
        return f"\\u00{ord(char):02X}"
    return char if ord(char) < 0x80 or is_printable(char) else f"\\u{ord(char):04X}"


def escape_query(text: str) -> str:
    """Return text as it stands in the query of a URL."""
    return quote_plus(string_bytes(text), safe="~").replace("%7E", "~")


def _printf(expansion: Expansion, layout: str, *values: Value) -> str:
    return printf(layout, values, expansion.budget.chars_left)


def _escaper(escape: Callable[[str], str]) -> TemplateFunction:
    """Return the function that escapes the text of its arguments."""
    return TemplateFunction(
        lambda expansion, *values: escape(text_of(expansion, values)),
        _ALL,
        variadic=True,
        in_context=True,
    )


def _print(expansion: Expansion, *values: Value) -> str:
    return sprint(values, expansion.budget.chars_left)


def _println(expansion: Expansion, *values: Value) -> str:
    return sprintln(values, expansion.budget.chars_left)


_ALL = (ANY,)
BUILTINS = {
    **COMPARISONS,
    "and": TemplateFunction(lambda first, *_: first, (ANY, ANY), variadic=True),
    "call": TemplateFunction(_call, (ANY, ANY), variadic=True),
    "html": _escaper(escape_html),
    "index": TemplateFunction(_index, (ANY, ANY), variadic=True),
    "js": _escaper(escape_js),
    "len": TemplateFunction(_length, _ALL),
    "not": TemplateFunction(lambda value: not is_true(value), _ALL),
    "or": TemplateFunction(lambda first, *_: first, (ANY, ANY), variadic=True),
    "print": TemplateFunction(_print, _ALL, variadic=True, in_context=True),
    "printf": TemplateFunction(_printf, ("string", ANY), variadic=True, in_context=True),
    "println": TemplateFunction(_println, _ALL, variadic=True, in_context=True),
    "slice": TemplateFunction(_slice, (ANY, ANY), variadic=True),
    "urlquery": _escaper(escape_query),
}
