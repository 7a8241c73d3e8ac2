"""Whether one daily series goes with another one some days later, without fooling oneself.

Both series are detrended first: two series that merely grow correlate perfectly. Days are
not independent either, so the interval uses the effective number of days. Of many pairs and
lags some correlate by chance; Benjamini and Hochberg's procedure keeps the share of false
findings below `FALSE_DISCOVERY_RATE`.

Sources: Bartlett 1935, "Some aspects of the time-correlation problem"; Fisher 1921;
Benjamini and Hochberg 1995, "Controlling the false discovery rate".
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEAST_DAYS: Final = 30
FALSE_DISCOVERY_RATE: Final = 0.05
_TWO_SIDED_95: Final = NormalDist().inv_cdf(0.975)
_LARGEST_R: Final = 1 - 1e-12


@dataclass(frozen=True, slots=True)
class LaggedCorrelation:
    """One pair at one lag.

    Attributes:
        cause, effect: the names of the series.
        lag_days: by how many days the effect is later.
        days: the number of pairs of days.
        effective_days: how many independent days they are worth.
        r, p_value: None where they cannot be known; `refusal` says why.
        low, high: the 95 % interval of r.
        is_significant: whether it holds beside all others that were tried.
    """

    cause: str
    effect: str
    lag_days: int
    days: int
    effective_days: float
    r: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    is_significant: bool = False
    refusal: str = ""


def lagged_correlations(
    causes: Mapping[str, NDArray[np.float64]],
    effects: Mapping[str, NDArray[np.float64]],
    lags_days: Sequence[int],
) -> list[LaggedCorrelation]:
    """Return every pair at every lag, judged together.

    Args:
        causes: series by name, all of shape (days,).
        effects: further series of the same days; NaN where a day has no value.
        lags_days: lags of 0 or more.
    """
    found = [
        correlation(cause, effect, causes[cause], effects[effect], lag)
        for cause in causes
        for effect in effects
        for lag in lags_days
        if cause != effect
    ]
    return _judged(found)


def correlation(
    cause: str, effect: str, x: NDArray[np.float64], y: NDArray[np.float64], lag_days: int
) -> LaggedCorrelation:
    """Return the correlation of one pair at one lag, not judged yet."""
    earlier, later = (x, y) if lag_days == 0 else (x[:-lag_days], y[lag_days:])
    known = np.isfinite(earlier) & np.isfinite(later)
    places = np.flatnonzero(known).astype(np.float64)
    days = len(places)
    if days < LEAST_DAYS:
        reason = f"{days} days with data; at least {LEAST_DAYS} are needed"
        return LaggedCorrelation(cause, effect, lag_days, days, float(days), refusal=reason)
    left, right = (_detrended(places, each[known]) for each in (earlier, later))
    if _is_constant(left, earlier[known]) or _is_constant(right, later[known]):
        reason = "one of both series does not vary beside its trend"
        return LaggedCorrelation(cause, effect, lag_days, days, float(days), refusal=reason)
    r = float(np.clip(np.corrcoef(left, right)[0, 1], -_LARGEST_R, _LARGEST_R))
    effective = _effective_days(left, right)
    if effective < LEAST_DAYS:
        reason = (
            f"{days} days are worth {effective:.0f} independent ones, because neighbouring days"
            f" are alike; at least {LEAST_DAYS} are needed"
        )
        return LaggedCorrelation(cause, effect, lag_days, days, effective, refusal=reason)
    middle, spread = math.atanh(r), 1 / math.sqrt(effective - 3)
    return LaggedCorrelation(
        cause,
        effect,
        lag_days,
        days,
        effective,
        r,
        math.tanh(middle - _TWO_SIDED_95 * spread),
        math.tanh(middle + _TWO_SIDED_95 * spread),
        2 * (1 - NormalDist().cdf(abs(middle) / spread)),
    )


def _detrended(places: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values without their straight line."""
    centred = places - places.mean()
    slope = float(centred @ values) / float(centred @ centred)
    rest: NDArray[np.float64] = values - values.mean() - slope * centred
    return rest


def _is_constant(rest: NDArray[np.float64], values: NDArray[np.float64]) -> bool:
    return float(np.abs(rest).max()) <= 1e-9 * max(float(np.abs(values).max()), 1.0)


def _effective_days(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Return the number of independent days, by the autocorrelation at a lag of one day."""
    product = _autocorrelation(left) * _autocorrelation(right)
    # Series that alternate would be worth more days than there are.
    return min(len(left) * (1 - product) / (1 + product), float(len(left)))


def _autocorrelation(values: NDArray[np.float64]) -> float:
    return float(values[:-1] @ values[1:]) / float(values @ values)


def _judged(found: Sequence[LaggedCorrelation]) -> list[LaggedCorrelation]:
    """Mark the correlations that hold among all that were tried."""
    values = sorted(one.p_value for one in found if one.p_value is not None)
    limit = -1.0
    for rank, p_value in enumerate(values, 1):
        if p_value <= FALSE_DISCOVERY_RATE * rank / len(values):
            limit = p_value
    return [
        replace(one, is_significant=one.p_value is not None and one.p_value <= limit)
        for one in found
    ]
