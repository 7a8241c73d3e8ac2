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


def _step_s(wanted_s: float) -> int:
    """Return the shortest step that people count in and that is not below `wanted_s`."""
    return next((step for step in _STEPS_S if step >= wanted_s), None) or int(wanted_s) + 1


@dataclass(frozen=True, slots=True)
class Grid:
    """The times of all lines: `start_ms`, `start_ms + step_ms`, … `end_ms`."""

    start_ms: int
    end_ms: int
    step_ms: int

    @classmethod
    def back_from(cls, now_ms: int, chosen: ChartRange, interval_s: float = 0.0) -> "Grid":
        """Return the grid of a range that ends now, with times at multiples of the step.

        The step is not shorter than the host's interval: repeated samples draw a staircase.
        """
        step_ms = max(chosen.step_ms, _step_s(interval_s) * 1000)
        end_ms = now_ms // step_ms * step_ms
        return cls(end_ms - chosen.length_ms // step_ms * step_ms, end_ms, step_ms)

    @classmethod
    def between(cls, start_ms: int, end_ms: int, interval_s: float = 0.0) -> "Grid":
        """Return a grid of at most some 300 points between two times; see `back_from`."""
        step_ms = _step_s(max((end_ms - start_ms) / 1000 / _WANTED_POINTS, interval_s)) * 1000
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
