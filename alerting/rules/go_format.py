"""Prints values as Go's package fmt does: numbers, text, labels, and Printf.

Source: Go, packages fmt and strconv.
"""

import json
import math
import re
from collections.abc import Sequence

from model.labels import Labels

PrintValue = float | int | bool | str | Labels

_VERB = re.compile(
    r"%(?P<flags>[-+ 0]*)(?P<width>\d*)(?:\.(?P<digits>\d*))?(?P<verb>.|$)", re.DOTALL | re.ASCII
)
_MAX_WIDTH = 100
_INT_BASES = {"d": "d", "x": "x", "X": "X", "o": "o", "b": "b"}


class FormatError(ValueError):
    """Printf cannot be given this layout."""


def format_float(value: float) -> str:
    """Return the shortest text that reads back as `value`, as Go's %v and %g write it."""
    if not math.isfinite(value):
        return _not_finite(value)
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    digits, exponent = _digits(value)
    # Go writes an exponent below 1e-4 and from 1e6 on.
    if -5 < exponent < 6:
        return ("-" if value < 0 else "") + _positional(digits, exponent)
    return format_exponent(value)


def format_exponent(value: float) -> str:
    """Return the shortest text with an exponent, as Go's FormatFloat(…, 'e', -1, 64) does."""
    if not math.isfinite(value):
        return _not_finite(value)
    digits, exponent = _digits(value) if value else ("0", 0)
    sign = "-" if math.copysign(1, value) < 0 else ""
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{exponent:+03d}"


def format_significant(value: float, digits: int = 4) -> str:
    """Return `value` with this number of significant digits, as Go's %.4g writes it."""
    return f"{value:.{digits}g}" if math.isfinite(value) else _not_finite(value)


def _digits(value: float) -> tuple[str, int]:
    """Return the significant digits of a finite value and the exponent of the first digit."""
    mantissa, exponent = f"{abs(value)!r}e0".split("e")[:2]
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    skipped = len(whole + fraction) - len(digits)
    return digits.rstrip("0") or "0", len(whole) - 1 - skipped + int(exponent)


def _positional(digits: str, exponent: int) -> str:
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    if len(digits) <= exponent + 1:
        return digits.ljust(exponent + 1, "0")
    return f"{digits[: exponent + 1]}.{digits[exponent + 1 :]}"


def _not_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"


def print_value(value: PrintValue) -> str:
    """Return a value as Go's %v: the shortest form of a float, labels as map[a:1 b:2]."""
    if isinstance(value, Labels):
        return f"map[{' '.join(f'{name}:{text}' for name, text in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_float(value) if isinstance(value, float) else str(value)


def printf(layout: str, arguments: Sequence[PrintValue]) -> str:
    """Return `layout` with its verbs replaced by the arguments, as Go's Sprintf does.

    As in Go, a verb that does not fit its argument, a missing argument and a surplus one
    appear in the text: `%!d(float64=1.5)`, `%!s(MISSING)`, `%!(EXTRA string=x)`.

    Raises:
        FormatError: a width or precision is above 100, or the layout has `*` or `[n]`.
    """
    remaining = list(arguments)

    def write(match: re.Match[str]) -> str:
        verb = match["verb"]
        if verb == "%":
            return "%"
        if not verb:
            return "%!(NOVERB)"
        if verb in "*[":
            raise FormatError(f"printf: {match[0]} is not supported")
        if max(int(match["width"] or 0), int(match["digits"] or 0)) > _MAX_WIDTH:
            raise FormatError(f"printf: {match[0]} is too wide")
        if not remaining:
            return f"%!{verb}(MISSING)"
        return _formatted(match, remaining.pop(0))

    text = _VERB.sub(write, layout)
    if remaining:
        text += f"%!(EXTRA {', '.join(map(_typed, remaining))})"
    return text


def _typed(value: PrintValue) -> str:
    names = {float: "float64", int: "int", bool: "bool", str: "string"}
    return f"{names.get(type(value), 'map[string]string')}={print_value(value)}"


def _formatted(match: re.Match[str], value: PrintValue) -> str:
    verb, flags, digits = match["verb"], match["flags"], match["digits"]
    precision = None if digits is None else int(digits or 0)
    # %+v asks for the names of fields, not for a sign.
    sign = "+" if "+" in flags and verb != "v" else " " if " " in flags else ""
    text = None
    if isinstance(value, bool):
        text = print_value(value) if verb in "tv" else None
    elif isinstance(value, float):
        text = _signed(_float_text(verb, value, precision), sign)
    elif isinstance(value, int):
        text = _signed(_int_text(verb, value), sign)
    else:
        text = _text(verb, value, precision)
    if text is None:
        return f"%!{verb}({_typed(value)})"
    return _padded(text, flags, int(match["width"] or 0), numeric=_is_finite(value))


def _is_finite(value: PrintValue) -> bool:
    return isinstance(value, float | int) and math.isfinite(value)


def _signed(text: str | None, sign: str) -> str | None:
    """Return a number with the sign that the flags ask for."""
    if text is None or text[0] == "-":
        return text
    if text[0] == "+":
        return (sign or "+") + text[1:]
    return sign + text


def _float_text(verb: str, value: float, precision: int | None) -> str | None:
    """Return a float as a verb writes it, None if the verb is not for floats."""
    if verb not in ("v", "g", "G", "e", "E", "f", "F"):
        return None
    if not math.isfinite(value):
        return _not_finite(value)
    if verb in ("v", "g", "G"):
        text = format_float(value) if precision is None else f"{value:.{precision}g}"
    else:
        text = f"{value:.{6 if precision is None else precision}{verb.lower()}}"
    return text.upper() if verb in ("G", "E") else text


def _int_text(verb: str, value: int) -> str | None:
    """Return an integer as a verb writes it, None if the verb is not for integers."""
    if verb == "c" and 0 <= value < 0x110000:
        return chr(value)
    base = _INT_BASES.get("d" if verb == "v" else verb)
    return None if base is None else format(value, base)


def _text(verb: str, value: str | Labels, precision: int | None) -> str | None:
    """Return text or labels as a verb writes them, None if the verb is not for text."""
    if isinstance(value, Labels):
        return print_value(value) if verb in "vs" else None
    cut = value if precision is None else value[:precision]
    match verb:
        case "s" | "v":
            return cut
        case "q":
            return json.dumps(cut, ensure_ascii=False)
        case "x" | "X":
            return cut.encode().hex() if verb == "x" else cut.encode().hex().upper()
    return None


def _padded(text: str, flags: str, width: int, *, numeric: bool) -> str:
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags and numeric:
        return text.zfill(width)
    return text.rjust(width)
