"""Writes floats as Go does.

Source: Go, package strconv, FormatFloat.
"""

import math
from fractions import Fraction

_MANTISSA_BITS = 52
_LEAST_EXPONENT = -1074


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


def format_json(value: float) -> str:
    """Return a finite float as Go's package encoding/json writes it."""
    if value and not 1e-6 <= abs(value) < 1e21:
        mantissa, exponent = format_exponent(value).split("e")
        return f"{mantissa}e{exponent[0]}{exponent[1:].lstrip('0')}"
    return positional(value)


def positional(value: float) -> str:
    """Return the shortest text without an exponent."""
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    return ("-" if value < 0 else "") + _positional(*_digits(value))


def format_verb(value: float, verb: str, precision: int | None) -> str:
    """Return a float as FormatFloat writes it for one of the verbs b e E f g G x X."""
    if not math.isfinite(value):
        return _not_finite(value)
    match verb:
        case "g" | "G":
            text = format_float(value) if precision is None else f"{value:.{precision}g}"
        case "e" | "E" | "f":
            text = f"{value:.{6 if precision is None else precision}{verb.lower()}}"
        case "b":
            return _binary(value)
        case _:
            text = _hexadecimal(value, precision)
    return text.upper() if verb in ("E", "G", "X") else text


def _binary(value: float) -> str:
    _, exponent = math.frexp(value)
    # Zero and the numbers near it have the least exponent.
    shift = max(exponent - _MANTISSA_BITS - 1, _LEAST_EXPONENT) if value else _LEAST_EXPONENT
    whole = int(Fraction(value) / Fraction(2) ** shift)
    sign = "-" if not whole and math.copysign(1, value) < 0 else ""
    return f"{sign}{whole}p{shift:+d}"


def _hexadecimal(value: float, precision: int | None) -> str:
    sign = "-" if math.copysign(1, value) < 0 else ""
    mantissa, exponent = math.frexp(abs(value))
    if not mantissa:
        zeros = "." + "0" * precision if precision else ""
        return f"{sign}0x0{zeros}p+00"
    # 53 bits, the first of them before the point.
    whole, exponent = int(mantissa * 2 ** (_MANTISSA_BITS + 1)), exponent - 1
    if precision is not None and precision < _MANTISSA_BITS // 4:
        whole = round(Fraction(whole, 16 ** (_MANTISSA_BITS // 4 - precision)))
        if whole >> (4 * precision + 1):
            whole, exponent = whole >> 1, exponent + 1
        digits = f"{whole:x}"[1:]
    else:
        digits = f"{whole:x}"[1:]
        digits = digits.rstrip("0") if precision is None else digits.ljust(precision, "0")
    return f"{sign}0x1{'.' if digits else ''}{digits}p{exponent:+03d}"


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
