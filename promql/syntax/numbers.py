"""Parses and formats numbers as Go does, for PromQL literals and the HTTP API.

Source: Go's strconv package, and the Prometheus documentation, "Querying basics",
float literals.
"""

import math
import re

import numpy as np
from numpy.typing import NDArray

_OCTAL = re.compile(r"0[0-7_]+")
_INT64_LIMIT = 2**63


def parse_number(text: str) -> float:
    """Return the value of a literal: decimal, `0x…`, octal with a leading zero, Inf or NaN.

    Raises:
        ValueError: it is not a number, or out of the range of a float.
    """
    plain = text.replace("_", "").lower()
    if plain.startswith("0x"):
        value = int(plain, 16)
        if value >= _INT64_LIMIT:
            raise ValueError(f'"{text}": value out of range')
        return float(value)
    if _OCTAL.fullmatch(text):
        return float(int(plain, 8))
    number = float(plain)
    if math.isinf(number) and "inf" not in plain:
        raise ValueError(f'"{text}": value out of range')
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
    """Return Go's `%g` of `value`: shortest digits, an exponent below 1e-4 and from 1e21 on."""
    if math.isnan(value) or math.isinf(value):
        return format_float(value)
    size = abs(value)
    if value == 0 or 1e-4 <= size < 1e21:
        return format_float(value)
    mantissa, _, exponent = f"{value!r}".partition("e")
    if not exponent:
        mantissa, _, exponent = np.format_float_scientific(value, trim="-").partition("e")
    mantissa = mantissa.removesuffix(".0")
    power = int(exponent)
    return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
