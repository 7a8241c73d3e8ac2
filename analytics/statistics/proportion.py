"""Rates with the uncertainty that their sample size leaves."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

_Z: Final = 1.959963984540054
"""The 97.5 % quantile of the normal distribution: an interval of 95 %."""


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share of a whole with its 95 % interval; all None if the whole is empty."""

    rate: float | None
    low: float | None
    high: float | None


def wilson(part: int, whole: int) -> Proportion:
    """Return `part / whole` with Wilson's score interval.

    Raises:
        ValueError: the part is negative or larger than the whole.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22, 1927.
    """
    if not 0 <= part <= whole:
        raise ValueError(f"{part} of {whole}")
    if whole == 0:
        return Proportion(None, None, None)
    rate = part / whole
    spread = _Z * sqrt(rate * (1 - rate) / whole + _Z**2 / (4 * whole**2))
    centre, scale = rate + _Z**2 / (2 * whole), 1 + _Z**2 / whole
    low = 0.0 if part == 0 else (centre - spread) / scale
    high = 1.0 if part == whole else (centre + spread) / scale
    return Proportion(rate, max(0.0, low), min(1.0, high))
