"""What a soak calls growth, and when it judges."""

import numpy as np
import pytest

from benchmarks.soak import Quantity, Soaked, growth_per_hour

MEMORY = Quantity("rss_bytes", "RSS MB", 1e6, 60, fills=True)
FILES = Quantity("fds", "descriptors", 1, 12)


def test_growth_is_that_of_the_second_half_and_of_the_lowest() -> None:
    times_s = np.arange(0, 3600, 2.0)
    values = np.where(times_s < 1800, times_s, 1800 + (times_s - 1800) / 60)
    values[::7] += 500  # a merge, a query
    assert growth_per_hour(times_s.tolist(), values.tolist()) == pytest.approx(60, rel=0.02)


@pytest.mark.parametrize(
    ("quantity", "minutes", "per_hour", "exceeds"),
    [
        (MEMORY, 60, 61, True),
        (MEMORY, 60, 59, False),
        (MEMORY, 20, 61, True),
        # Caches fill: nobody can tell.
        (MEMORY, 9, 1544, False),
        (FILES, 60, 13, True),
        (FILES, 60, 11, False),
        # One more is no trend, two are.
        (FILES, 9, 20, False),
        (FILES, 9, 27, True),
    ],
)
def test_growth_is_judged_once_it_can_be_told(
    quantity: Quantity, minutes: float, per_hour: float, exceeds: bool
) -> None:
    soaked = Soaked(quantity, 0, 0, 0, per_hour, minutes * 60)
    assert soaked.exceeds() is exceeds


@pytest.mark.parametrize("minute", range(30, 57))
def test_one_step_is_never_taken_for_a_trend(minute: int) -> None:
    times_s = np.arange(0, 3600, 2.0)
    values = (times_s >= minute * 60).astype(float)
    per_hour = growth_per_hour(times_s.tolist(), values.tolist())
    assert per_hour > 0
    assert not Soaked(FILES, 0, 1, 1, per_hour * 6, 600).exceeds()
