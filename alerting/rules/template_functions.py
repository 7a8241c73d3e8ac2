"""The functions of templates.

Source: Prometheus documentation, "Template reference"; Go, packages fmt and
text/template.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from alerting.rules import humanize
from model.labels import Labels
from model.matchers import BadPatternError, compile_pattern

TemplateValue = float | str | Labels

_VERB = re.compile(
    r"%(?P<flags>[-+ 0]*)(?P<width>\d*)(?:\.(?P<digits>\d*))?(?P<verb>.|$)", re.DOTALL | re.ASCII
)
_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})", re.ASCII)
_MAX_WIDTH = 100


class FunctionError(ValueError):
    """A template function got an argument that it cannot use."""


@dataclass(frozen=True, slots=True)
class TemplateFunction:
    """A function with the number of its arguments: `least` to `most`, None for no maximum."""

    call: Callable[..., TemplateValue]
    least: int = 1
    most: int | None = 1

    def accepts(self, count: int) -> bool:
        """Whether the function can be called with so many arguments."""
        return count >= self.least and (self.most is None or count <= self.most)


def print_value(value: TemplateValue) -> str:
    """Return a value as Go prints it: the shortest form of a float, labels as map[a:1 b:2]."""
    if isinstance(value, Labels):
        return f"map[{' '.join(f'{name}:{text}' for name, text in value)}]"
    return humanize.format_float(value) if isinstance(value, float) else value


def _number(value: TemplateValue) -> float:
    if isinstance(value, Labels):
        raise FunctionError("labels are not a number")
    try:
        return float(value)
    except ValueError as exc:
        raise FunctionError(f"{value!r} is not a number") from exc


def _text(value: TemplateValue) -> str:
    if not isinstance(value, str):
        raise FunctionError(f"{print_value(value)} is not text")
    return value


def _of_number(function: Callable[[float], str]) -> TemplateFunction:
    def call(value: TemplateValue) -> str:
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


def _index(labels: TemplateValue, name: TemplateValue) -> str:
    if not isinstance(labels, Labels):
        raise FunctionError("index needs labels")
    return labels.get(_text(name))


def _replace_all(
    pattern: TemplateValue, replacement: TemplateValue, text: TemplateValue
) -> TemplateValue:
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


def _printf(layout: TemplateValue, *arguments: TemplateValue) -> str:
    """Format like Go's Printf: %s %v %q for anything, %f %g %e for numbers."""
    remaining = list(arguments)

    def write(match: re.Match[str]) -> str:
        if match["verb"] == "%":
            return "%"
        if not remaining:
            raise FunctionError(f"printf: no value for {match[0]}")
        return _formatted(match, remaining.pop(0))

    text = _VERB.sub(write, _text(layout))
    if remaining:
        raise FunctionError("printf: more values than verbs")
    return text


def _formatted(match: re.Match[str], value: TemplateValue) -> str:
    width, digits = int(match["width"] or 0), match["digits"]
    if width > _MAX_WIDTH or int(digits or 0) > _MAX_WIDTH:
        raise FunctionError(f"printf: {match[0]} is too wide")
    match match["verb"]:
        case "f" | "F" | "e" | "g" as verb if isinstance(value, float):
            text = _formatted_number(verb, match["flags"], digits, value)
        case "s" | "v" if not isinstance(value, float) or match["verb"] == "v":
            text = print_value(value)
            text = text if digits is None else text[: int(digits or 0)]
        case "q" if isinstance(value, str):
            text = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case _:
            raise FunctionError(f"printf: {match[0]} cannot write {print_value(value)}")
    if "-" in match["flags"]:
        return text.ljust(width)
    if "0" in match["flags"] and isinstance(value, float):
        return text.zfill(width)
    return text.rjust(width)


def _formatted_number(verb: str, flags: str, digits: str | None, value: float) -> str:
    sign = "+" if "+" in flags else " " if " " in flags else ""
    if verb == "g" and digits is None:
        text = humanize.format_float(value)
    elif digits is None:
        text = f"{value:.6{verb}}"
    else:
        text = f"{value:.{int(digits or 0)}{verb}}"
    text = text.replace("inf", "+Inf" if value > 0 else "Inf").replace("nan", "NaN")
    return text if text[0] in "+-N" else sign + text


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
        "index": TemplateFunction(_index, 2, 2),
        "reReplaceAll": TemplateFunction(_replace_all, 3, 3),
        "printf": TemplateFunction(_printf, 1, None),
    }
)
