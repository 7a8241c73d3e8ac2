"""Parses and formats numbers as Go does, for PromQL literals and the HTTP API.

Source: Go's strconv package, and the Prometheus documentation, "Querying basics",
float literals.
"""

import math
import re

import numpy as np
from numpy.typing import NDArray

from model.labels import quote

_INTEGERS = (
    (re.compile(r"0[xX][0-9a-fA-F]+"), 16),
    (re.compile(r"0[0-7]*"), 8),
    (re.compile(r"[1-9][0-9]*"), 10),
)
"""Go's integer literals and their bases; other digits are read as a float."""
_INT64_LIMIT = 2**63
_LOOSE_UNDERSCORE = re.compile(
    r"(?=0[xX]).*(?:_(?![0-9a-fA-F])|(?<![0-9a-fA-FxX])_)|(?!0[xX]).*(?:_(?![0-9])|(?<![0-9])_)"
)
"""An underscore that is not between two digits; a hexadecimal prefix counts as one."""
_DECIMAL = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?)|nan",
    re.IGNORECASE | re.ASCII,
)
_HEXADECIMAL = re.compile(
    r"[+-]?0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)p[+-]?[0-9]+",
    re.IGNORECASE | re.ASCII,
)


def parse_number(text: str) -> float:
    """Return the value of a literal: decimal, `0x…`, octal with a leading zero, Inf or NaN.

    Raises:
        ValueError: it is not a number, or out of the range of a float.
    """
    plain = text
    if "_" in text:
        if _LOOSE_UNDERSCORE.match(text):
            raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: invalid syntax")
        plain = text.replace("_", "")
    for pattern, base in _INTEGERS:
        if pattern.fullmatch(plain):
            value = int(plain, base)
            if value < _INT64_LIMIT:
                return float(value)
    return parse_float(plain)


def parse_float(text: str) -> float:
    """Return the value of a number as Go's `strconv.ParseFloat`.

    Raises:
        ValueError: it is not a number, or out of the range of a float; with Go's message.
    """
    if _DECIMAL.fullmatch(text):
        number = float(text)
    elif _HEXADECIMAL.fullmatch(text):
        try:
            number = float.fromhex(text)
        except OverflowError:
            number = math.inf
    else:
        raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: invalid syntax")
    if math.isinf(number) and "inf" not in text.lower():
        raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: value out of range")
    return number


def format_float(value: float) -> str:
    """Return the shortest decimal notation without exponent that parses back to `value`.

    The same as Go's `strconv.FormatFloat(value, 'f', -1, 64)`: `+Inf`, `-Inf`, `NaN`.
    """
    text = repr(value)
    if "e" in text:
        return _without_exponent(text)
    if text.endswith(".0"):
        return text[:-2]
    return _SPECIAL.get(text, text)


_SPECIAL = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}


def _without_exponent(text: str) -> str:
    """Return `1.5e-07` as `0.00000015`; `text` is Python's repr with an exponent."""
    mantissa, _, exponent = text.partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    shift = int(exponent)
    digits = whole + fraction
    point = len(whole) + shift
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    return sign + digits.ljust(point, "0")


def format_floats(values: NDArray[np.float64]) -> list[str]:
    """Return `format_float` of every value of a one-dimensional array.

    An array of whole numbers below 2**53, the most common case, is converted in one call.
    """
    if not values.size:
        return []
    with np.errstate(invalid="ignore"):
        whole = (np.abs(values) < 2**53) & (values == np.floor(values))
    if whole.all() and not np.signbit(values[values == 0]).any():
        return list(map(str, values.astype(np.int64).tolist()))
    return list(map(format_float, values.tolist()))


def format_general(value: float) -> str:
    """Return Go's `%g` of `value`: shortest digits, an exponent below 1e-4 and from 1e6 on."""
    if math.isnan(value) or math.isinf(value):
        return format_float(value)
    size = abs(value)
    if value == 0 or 1e-4 <= size < 1e6:
        return format_float(value)
    mantissa, _, exponent = f"{value!r}".partition("e")
    if not exponent:
        mantissa, _, exponent = np.format_float_scientific(value, trim="-").partition("e")
    mantissa = mantissa.removesuffix(".0")
    power = int(exponent)
    return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
