"""The statistics, beside definitions that are written out."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.hosts.changes.two_windows import (
    FEWEST,
    compare,
    ks_chance,
    ks_distance,
    share_of_chance,
)

VALUES = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0, 2.0]), st.just(math.nan))
WINDOWS = st.lists(VALUES, min_size=1, max_size=30).filter(lambda w: any(map(math.isfinite, w)))


def distance(before: list[float], after: list[float]) -> float:
    """Return D by its definition."""
    one = [value for value in before if math.isfinite(value)]
    two = [value for value in after if math.isfinite(value)]

    def share(values: list[float], limit: float) -> float:
        return sum(value <= limit for value in values) / len(values)

    return max(abs(share(one, limit) - share(two, limit)) for limit in one + two)


@given(WINDOWS, WINDOWS)
def test_distance_is_that_of_the_definition(before: list[float], after: list[float]) -> None:
    found = ks_distance(np.array([before]), np.array([after]))
    assert found[0] == pytest.approx(distance(before, after))


@given(WINDOWS, WINDOWS)
def test_distance_knows_no_units_and_no_direction(before: list[float], after: list[float]) -> None:
    one, two = np.array([before]), np.array([after])
    assert ks_distance(two, one) == pytest.approx(ks_distance(one, two))
    assert ks_distance(one * 8, two * 8) == pytest.approx(ks_distance(one, two))


@pytest.mark.parametrize(
    # Smirnov's limiting distribution, NIST's tables: Q(1.36) = 0.05, Q(1.63) = 0.01.
    ("scaled", "chance"),
    [(1.3581, 0.05), (1.6276, 0.01), (1.2239, 0.10), (0.2, 1.0), (3.0, 3.05e-8)],
)
def test_chance_is_that_of_the_tables(scaled: float, chance: float) -> None:
    samples = np.array([1e12])
    assert ks_chance(np.array([scaled / 1e6]), samples)[0] == pytest.approx(chance, rel=0.01)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_share_of_chance_is_benjamini_and_hochbergs(chances: list[float]) -> None:
    found = share_of_chance(np.array([*chances, math.nan]))
    for chance, share in zip(chances, found, strict=False):
        larger = [other for other in chances if other >= chance]
        expected = min(
            other * len(chances) / sum(each <= other for each in chances) for other in larger
        )
        assert share == pytest.approx(min(1.0, expected))
    assert math.isnan(found[-1])


def test_window_with_too_few_samples_says_nothing() -> None:
    before, after = np.ones((2, 20)), np.ones((2, 20))
    after[0, FEWEST - 1 :] = np.nan
    found = compare(before, after)
    assert np.isnan(found.distance[0])
    assert np.isnan(found.chance[0])
    assert found.distance[1] == 0.0
    assert found.chance[1] == 1.0


def test_independent_noise_is_rarely_significant_and_slow_noise_is_not_more_often() -> None:
    random = np.random.default_rng(7)
    independent = random.normal(size=(2000, 300))
    slow = np.zeros((2000, 300))
    for column in range(1, 300):
        slow[:, column] = 0.9 * slow[:, column - 1] + independent[:, column]
    for noise in (independent, slow):
        found = compare(noise[:, :240], noise[:, 240:])
        assert (found.chance < 0.05).mean() < 0.10
        assert (share_of_chance(found.chance) < 0.05).mean() < 0.01


def test_shift_is_in_spreads_of_the_series() -> None:
    random = np.random.default_rng(7)
    before = random.normal(10, 2, size=(1, 400))
    after = random.normal(18, 2, size=(1, 100))
    found = compare(before, after)
    assert found.shift[0] == pytest.approx(4, abs=0.5)
    assert compare(after, before).shift[0] == pytest.approx(-4, abs=0.5)
    still = compare(np.full((1, 20), 5.0), np.full((1, 20), 6.0))
    assert still.shift[0] == pytest.approx(1 / 0.06)
