"""How a soak measures growth, and when it applies a limit."""

import numpy as np
import pytest

from benchmarks.soak import Growth, Quantity, growth_per_hour

MEMORY = Quantity("rss_bytes", "RSS MB", 1e6, 60, fills=True)
FILES = Quantity("fds", "descriptors", 1, 12)


def test_growth_is_the_slope_of_the_lowest_values_of_the_second_half() -> None:
    times_s = np.arange(0, 3600, 2.0)
    values = np.where(times_s < 1800, times_s, 1800 + (times_s - 1800) / 60)
    values[::7] += 500  # merges and queries
    assert growth_per_hour(times_s.tolist(), values.tolist()) == pytest.approx(60, rel=0.02)


@pytest.mark.parametrize(
    ("quantity", "minutes", "per_hour", "exceeds"),
    [
        (MEMORY, 60, 61, True),
        (MEMORY, 60, 59, False),
        (MEMORY, 20, 61, True),
        # Too short: caches still fill.
        (MEMORY, 9, 1544, False),
        (FILES, 60, 13, True),
        (FILES, 60, 11, False),
        # One more is no trend, two more are.
        (FILES, 9, 20, False),
        (FILES, 9, 27, True),
    ],
)
def test_limit_applies_once_caches_are_full(
    quantity: Quantity, minutes: float, per_hour: float, exceeds: bool
) -> None:
    growth = Growth(quantity, 0, 0, 0, per_hour, minutes * 60)
    assert growth.exceeds() is exceeds


@pytest.mark.parametrize("minute", range(30, 57))
def test_one_step_is_no_trend(minute: int) -> None:
    times_s = np.arange(0, 3600, 2.0)
    values = (times_s >= minute * 60).astype(float)
    per_hour = growth_per_hour(times_s.tolist(), values.tolist())
    assert per_hour > 0
    assert not Growth(FILES, 0, 1, 1, per_hour * 6, 600).exceeds()
