"""The functions of templates.

Source: Prometheus documentation, "Template reference"; Go, package text/template.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote_plus

from alerting.rules import humanize
from alerting.rules.go_format import FormatError, PrintValue, print_value, printf
from model.labels import Labels
from model.matchers import BadPatternError, compile_pattern

_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})", re.ASCII)


class FunctionError(ValueError):
    """A template function got an argument that it cannot use."""


@dataclass(frozen=True, slots=True)
class TemplateFunction:
    """A function with the number of its arguments: `least` to `most`, None for no maximum."""

    call: Callable[..., PrintValue]
    least: int = 1
    most: int | None = 1

    def accepts(self, count: int) -> bool:
        """Whether the function can be called with so many arguments."""
        return count >= self.least and (self.most is None or count <= self.most)


def _number(value: PrintValue) -> float:
    if isinstance(value, Labels):
        raise FunctionError("labels are not a number")
    try:
        return float(value)
    except ValueError as exc:
        raise FunctionError(f"{value!r} is not a number") from exc


def is_true(value: PrintValue) -> bool:
    """Whether `if` and `with` take a value as true: it is not zero or empty."""
    return bool(value)


def _kind(value: PrintValue) -> type:
    if isinstance(value, Labels):
        raise FunctionError("labels cannot be compared")
    return type(value)


def _equal(first: PrintValue, *others: PrintValue) -> bool:
    """Whether the first value equals one of the others."""
    for other in others:
        if _kind(first) is not _kind(other):
            raise FunctionError("incompatible types for comparison")
        if first == other:
            return True
    return False


def _less(first: PrintValue, second: PrintValue) -> bool:
    if _kind(first) is _kind(second):
        if isinstance(first, str) and isinstance(second, str):
            return first < second
        if isinstance(first, float | int) and isinstance(second, float | int):
            return first < second
    raise FunctionError("incompatible types for comparison")


def _less_or_equal(first: PrintValue, second: PrintValue) -> bool:
    return _less(first, second) or _equal(first, second)


def _and(*values: PrintValue) -> PrintValue:
    """Return the first value that is not true, else the last."""
    return next((value for value in values if not is_true(value)), values[-1])


def _or(*values: PrintValue) -> PrintValue:
    """Return the first value that is true, else the last."""
    return next((value for value in values if is_true(value)), values[-1])


def _length(value: PrintValue) -> int:
    if isinstance(value, Labels):
        return len(value)
    return len(_text(value).encode())


def _text(value: PrintValue) -> str:
    if not isinstance(value, str):
        raise FunctionError(f"{print_value(value)} is not text")
    return value


def _of_number(function: Callable[[float], str]) -> TemplateFunction:
    def call(value: PrintValue) -> str:
        number = _number(value)
        try:
            return function(number)
        except ValueError as exc:
            raise FunctionError(str(exc)) from exc

    return TemplateFunction(call)


def _of_text(function: Callable[[str], str]) -> TemplateFunction:
    return TemplateFunction(lambda value: function(_text(value)))


def _strip_port(text: str) -> str:
    """Return the host of `host:port`, and any other text unchanged."""
    match = re.fullmatch(r"(?:\[([^\[\]]*)\]|([^:\[\]]*)):[^:\[\]]*", text)
    return text if match is None else match[1] if match[1] is not None else match[2]


def _is_address(host: str) -> bool:
    return ":" in host or re.fullmatch(r"\d+(\.\d+){3}", host, re.ASCII) is not None


def _strip_domain(text: str) -> str:
    """Return the first label of a host name, with its port; IP addresses unchanged."""
    host = _strip_port(text)
    if _is_address(host):
        return text
    return host.split(".", 1)[0] + text[len(host) :]


def _title(text: str) -> str:
    return re.sub(r"(?<![\w'])[^\W\d_]", lambda match: match[0].upper(), text)


def _index(labels: PrintValue, name: PrintValue) -> str:
    if not isinstance(labels, Labels):
        raise FunctionError("index needs labels")
    return labels.get(_text(name))


def _replace_all(pattern: PrintValue, replacement: PrintValue, text: PrintValue) -> PrintValue:
    """Replace every match of an RE2 pattern; $1 and ${name} stand for its groups."""
    try:
        compiled = compile_pattern(_text(pattern))
    except BadPatternError as exc:
        raise FunctionError(str(exc)) from exc
    template = _text(replacement)

    def expand(match: re.Match[str]) -> str:
        def group(reference: re.Match[str]) -> str:
            if reference[1]:
                return "$"
            name = reference[2] or reference[3]
            try:
                return match[int(name) if name.isdigit() else name] or ""
            except IndexError:
                return ""

        return _REFERENCE.sub(group, template)

    return str(compiled.sub(expand, _text(text)))


def _printf(layout: PrintValue, *arguments: PrintValue) -> str:
    try:
        return printf(_text(layout), arguments)
    except FormatError as exc:
        raise FunctionError(str(exc)) from exc


FUNCTIONS: Mapping[str, TemplateFunction] = MappingProxyType(
    {
        "humanize": _of_number(humanize.humanize),
        "humanize1024": _of_number(humanize.humanize_1024),
        "humanizeDuration": _of_number(humanize.humanize_duration),
        "humanizePercentage": _of_number(humanize.humanize_percentage),
        "humanizeTimestamp": _of_number(humanize.humanize_timestamp),
        "title": _of_text(_title),
        "toUpper": _of_text(str.upper),
        "toLower": _of_text(str.lower),
        "stripPort": _of_text(_strip_port),
        "stripDomain": _of_text(_strip_domain),
        "urlquery": _of_text(quote_plus),
        "and": TemplateFunction(_and, 1, None),
        "eq": TemplateFunction(_equal, 2, None),
        # As in Go, the inverse of lt and le: true for NaN.
        "ge": TemplateFunction(lambda first, second: not _less(first, second), 2, 2),
        "gt": TemplateFunction(lambda first, second: not _less_or_equal(first, second), 2, 2),
        "le": TemplateFunction(_less_or_equal, 2, 2),
        "len": TemplateFunction(_length),
        "lt": TemplateFunction(_less, 2, 2),
        "ne": TemplateFunction(lambda first, second: not _equal(first, second), 2, 2),
        "not": TemplateFunction(lambda value: not is_true(value)),
        "or": TemplateFunction(_or, 1, None),
        "index": TemplateFunction(_index, 2, 2),
        "reReplaceAll": TemplateFunction(_replace_all, 3, 3),
        "printf": TemplateFunction(_printf, 1, None),
    }
)
