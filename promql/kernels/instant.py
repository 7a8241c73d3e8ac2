"""The functions of one value: rounding, logarithms, trigonometry, the calendar.

Source: Prometheus documentation, "Query functions".
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from promql.kernels.arrays import Floats, Scalars


def _sign(values: Floats) -> Floats:
    return np.where(values < 0, -1.0, np.where(values > 0, 1.0, values))


def round_to(values: Floats, nearest: Scalars) -> Floats:
    """Round to the nearest multiple of `nearest`, halves up."""
    inverse = 1.0 / nearest
    rounded: Floats = np.floor(values * inverse + 0.5) / inverse
    return rounded


def clamp(values: Floats, least: Scalars, most: Scalars) -> Floats:
    """Limit values to [least, most]."""
    return larger(least, smaller(most, values))


def larger(left: Floats, right: Floats) -> Floats:
    """Return the larger values; NaN if one is NaN and, as in Go, the other is not +Inf."""
    found: Floats = np.maximum(left, right)
    if np.isnan(found).any():
        found = np.where((left == np.inf) | (right == np.inf), np.inf, found)
    return found


def smaller(left: Floats, right: Floats) -> Floats:
    """Return the smaller values; NaN if one is NaN and, as in Go, the other is not -Inf."""
    found: Floats = np.minimum(left, right)
    if np.isnan(found).any():
        found = np.where((left == -np.inf) | (right == -np.inf), -np.inf, found)
    return found


def _degrees(values: Floats) -> Floats:
    # In Go's order: `np.degrees` multiplies by a rounded factor and may differ in the last digit.
    return values * 180.0 / np.pi


def _radians(values: Floats) -> Floats:
    return values * np.pi / 180.0


MATH: Final[dict[str, Callable[[Floats], Floats]]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg": _degrees,
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "rad": _radians,
    "sgn": _sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}
"""Functions of one value."""


def _days(seconds: Floats) -> Any:
    return np.floor(seconds / 86_400).astype(np.int64).astype("datetime64[D]")


def _number(count: Any, first: int) -> Floats:
    """Return a zero-based count as a float that starts at `first`."""
    numbers: Floats = count.astype(np.float64) + first
    return numbers


def _year(seconds: Floats) -> Floats:
    return _number(_days(seconds).astype("datetime64[Y]").astype(np.int64), 1970)


def _month(seconds: Floats) -> Floats:
    return _number(_days(seconds).astype("datetime64[M]").astype(np.int64) % 12, 1)


def _day_of_month(seconds: Floats) -> Floats:
    days = _days(seconds)
    return _number(days - days.astype("datetime64[M]").astype("datetime64[D]"), 1)


def _day_of_year(seconds: Floats) -> Floats:
    days = _days(seconds)
    return _number(days - days.astype("datetime64[Y]").astype("datetime64[D]"), 1)


def _day_of_week(seconds: Floats) -> Floats:
    return (np.floor(seconds / 86_400) + 4) % 7


def _days_in_month(seconds: Floats) -> Floats:
    months = _days(seconds).astype("datetime64[M]")
    following = months + np.timedelta64(1, "M")
    return _number(following.astype("datetime64[D]") - months.astype("datetime64[D]"), 0)


def _hour(seconds: Floats) -> Floats:
    return np.floor(seconds / 3600) % 24


def _minute(seconds: Floats) -> Floats:
    return np.floor(seconds / 60) % 60


_CALENDAR: Final[dict[str, Callable[[Floats], Floats]]] = {
    "day_of_month": _day_of_month,
    "day_of_week": _day_of_week,
    "day_of_year": _day_of_year,
    "days_in_month": _days_in_month,
    "hour": _hour,
    "minute": _minute,
    "month": _month,
    "year": _year,
}
CALENDAR: Final = frozenset(_CALENDAR)
"""Functions of a time in Unix seconds, UTC."""

_FARTHEST_S: Final = 1e13
"""About the year 300,000; numpy's calendar is exact up to it."""


def calendar(function: str, seconds: Floats) -> Floats:
    """Apply a function of `CALENDAR`; NaN for times that are not finite or too far away."""
    whole = np.trunc(seconds)
    sane = np.abs(whole) < _FARTHEST_S
    result = _CALENDAR[function](np.where(sane, whole, 0.0))
    return np.where(sane, result, np.nan)
