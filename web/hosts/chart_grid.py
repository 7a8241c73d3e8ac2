"""The times of a host's charts: the ranges on the page, and their steps."""

from dataclasses import dataclass
from typing import Final

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
DAY_MS: Final = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class ChartRange:
    """The length of a chart's time range, and its step."""

    length_ms: int
    step_ms: int


# 240 to 360 points: about one for every two pixels of a chart. The first range has more,
# so that the charts of a new host show a line within seconds.
RANGES: Final = {
    "1h": ChartRange(_HOUR_MS, 5_000),
    "6h": ChartRange(6 * _HOUR_MS, _MINUTE_MS),
    "24h": ChartRange(DAY_MS, 5 * _MINUTE_MS),
    "7d": ChartRange(7 * DAY_MS, 30 * _MINUTE_MS),
    "30d": ChartRange(30 * DAY_MS, 2 * _HOUR_MS),
}
DEFAULT_RANGE: Final = "1h"

_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200)
_WANTED_POINTS: Final = 300


@dataclass(frozen=True, slots=True)
class Grid:
    """The times of all lines: `start_ms`, `start_ms + step_ms`, … `end_ms`."""

    start_ms: int
    end_ms: int
    step_ms: int

    @classmethod
    def back_from(cls, now_ms: int, chosen: ChartRange) -> "Grid":
        """Return the grid of a range that ends now, with times at multiples of the step."""
        end_ms = now_ms // chosen.step_ms * chosen.step_ms
        return cls(end_ms - chosen.length_ms, end_ms, chosen.step_ms)

    @classmethod
    def between(cls, start_ms: int, end_ms: int) -> "Grid":
        """Return a grid of some 300 points between two times."""
        wanted_s = (end_ms - start_ms) / 1000 / _WANTED_POINTS
        step_s = next((step for step in _STEPS_S if step >= wanted_s), None)
        step_ms = (step_s or int(wanted_s) + 1) * 1000
        return cls(start_ms // step_ms * step_ms, end_ms // step_ms * step_ms, step_ms)

    def since(self, last_ms: int) -> "Grid | None":
        """Return the part of the grid from `last_ms` on, None if nothing is new.

        It includes the column at `last_ms`, whose scrape may have arrived since.
        """
        first_ms = max(self.start_ms, last_ms // self.step_ms * self.step_ms)
        return Grid(first_ms, self.end_ms, self.step_ms) if first_ms < self.end_ms else None

    @property
    def points(self) -> int:
        """The number of times."""
        return (self.end_ms - self.start_ms) // self.step_ms + 1
