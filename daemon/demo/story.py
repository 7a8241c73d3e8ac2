"""The story of the made-up week: daily rhythm, a deploy, an incident."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Values = NDArray[np.float64]

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
SPAN_MS: Final = 7 * DAY_MS
_BUSIEST_HOUR: Final = 15.0
_WEEKEND: Final = 0.6
_FIRST_SATURDAY_MS: Final = 2 * DAY_MS
"""1970-01-03 was a Saturday."""


@dataclass(frozen=True, slots=True)
class Story:
    """The week up to a moment.

    Attributes:
        end_ms: the moment, on a whole minute.
        seed: equal seeds and moments give equal weeks.
    """

    end_ms: int
    seed: int = 1

    @property
    def start_ms(self) -> int:
        """When the week begins."""
        return self.end_ms - SPAN_MS

    @property
    def deploy_ms(self) -> int:
        """When a release of the shop went live; since then more visitors finish checkout."""
        return self.end_ms - 5 * DAY_MS // 2

    @property
    def incident_ms(self) -> tuple[int, int]:
        """Begin and end of the incident: the database is slow, and orders fail."""
        start_ms = self.end_ms - DAY_MS - 3 * HOUR_MS
        return start_ms, start_ms + 3 * HOUR_MS // 2

    def rhythm(self, times_ms: Times) -> Values:
        """Return how busy the shop is, from about 0.1 at night to 1."""
        hour = times_ms % DAY_MS / HOUR_MS
        daily = 0.55 + 0.45 * np.cos((hour - _BUSIEST_HOUR) / 24 * 2 * np.pi)
        is_weekend = (times_ms - _FIRST_SATURDAY_MS) % (7 * DAY_MS) < 2 * DAY_MS
        return daily * np.where(is_weekend, _WEEKEND, 1.0)

    def in_incident(self, times_ms: Times) -> NDArray[np.bool_]:
        """Return which times lie in the incident."""
        start_ms, end_ms = self.incident_ms
        return (times_ms >= start_ms) & (times_ms < end_ms)

    def moments(self, rng: np.random.Generator, count: int) -> Times:
        """Return ascending times, as many as the rhythm makes likely."""
        grid = np.arange(self.start_ms, self.end_ms, 60_000)
        weights = self.rhythm(grid).cumsum()
        places = np.searchsorted(weights, rng.random(count) * weights[-1])
        times: Times = grid[places] + rng.integers(0, 60_000, count)
        times.sort()
        return times
