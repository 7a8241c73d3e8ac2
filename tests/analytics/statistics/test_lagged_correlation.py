"""Correlations between days: what is found, what is refused, and how often chance is believed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.statistics.lagged_correlation import (
    LEAST_DAYS,
    correlation,
    lagged_correlations,
)

RNG = np.random.default_rng(7)


def test_effect_is_found_at_its_lag() -> None:
    cause = RNG.normal(size=120)
    effect = np.roll(cause, 2) + 0.3 * RNG.normal(size=120)
    found = lagged_correlations({"a": cause}, {"b": effect}, range(4))
    assert [one.lag_days for one in found if one.is_significant] == [2]
    best = found[2]
    assert best.r is not None
    assert best.low is not None
    assert best.high is not None
    assert best.low < best.r < best.high
    assert best.r > 0.9


def test_two_series_that_merely_grow_do_not_correlate() -> None:
    days = np.arange(200.0)
    one = correlation("a", "b", days + RNG.normal(size=200), 3 * days + RNG.normal(size=200), 0)
    assert one.r is not None
    assert abs(one.r) < 0.25


@pytest.mark.parametrize("days", [0, 1, 2, LEAST_DAYS - 1])
def test_too_few_days_are_refused(days: int) -> None:
    one = correlation("a", "b", RNG.normal(size=days), RNG.normal(size=days), 0)
    assert one.r is None
    assert f"at least {LEAST_DAYS}" in one.refusal


def test_lag_and_days_without_a_value_take_days_away() -> None:
    effect = RNG.normal(size=40)
    effect[5] = np.nan
    one = correlation("a", "b", RNG.normal(size=40), effect, 4)
    assert one.days == 35
    assert correlation("a", "b", RNG.normal(size=33), effect[:33], 4).r is None


def test_days_that_are_alike_are_worth_fewer() -> None:
    slow = np.sin(np.arange(100) / 12)
    one = correlation("a", "b", slow, np.sin(np.arange(100) / 12 + 1), 0)
    assert one.effective_days < LEAST_DAYS < one.days
    assert one.r is None
    assert "independent" in one.refusal


def test_constant_series_is_refused() -> None:
    one = correlation("a", "b", np.zeros(50), RNG.normal(size=50), 0)
    assert one.r is None
    assert "does not vary" in one.refusal


def test_chance_is_rarely_believed() -> None:
    false = 0
    for _ in range(60):
        causes = {name: RNG.normal(size=60) for name in "abc"}
        effects = {name: RNG.normal(size=60) for name in "def"}
        found = lagged_correlations(causes, effects, range(8))
        false += any(one.is_significant for one in found)
    # Each of 72 pairs alone would be believed at 5 %: some are, in nearly every trial.
    assert false <= 9


@given(
    values=st.lists(st.floats(-1e9, 1e9), min_size=31, max_size=60),
    lag=st.integers(0, 7),
)
def test_any_days_are_answered_or_refused(values: list[float], lag: int) -> None:
    x = np.array(values)
    one = correlation("a", "b", x, x[::-1].copy(), lag)
    assert (one.r is None) == bool(one.refusal)
    if one.r is not None:
        assert -1 <= one.r <= 1
