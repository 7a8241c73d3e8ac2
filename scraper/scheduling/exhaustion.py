"""Reports scrapes that failed for lack of this server's own descriptors, ports or memory."""

from dataclasses import dataclass
from typing import Final

from model.clock import Clock
from model.conditions import SCRAPES_EXHAUSTED, Conditions
from scraper.scheduling.statistics import ScraperStatistics

_CALM_MS: Final = 60_000
"""Scrapes must succeed this long before the condition ends: kept connections always do."""


@dataclass(slots=True)
class Exhaustion:
    """Counts exhausted scrapes and keeps the condition."""

    statistics: ScraperStatistics
    conditions: Conditions
    clock: Clock
    _last_ms: int = 0

    def report(self, reason: str) -> None:
        """Record a scrape without a result."""
        self.statistics.exhausted += 1
        self._last_ms = self.clock()
        self.conditions.set(SCRAPES_EXHAUSTED, reason)

    def scraped(self) -> None:
        """Record a scrape that reached its target."""
        if self._last_ms and self.clock() - self._last_ms >= _CALM_MS:
            self._last_ms = 0
            self.conditions.clear(SCRAPES_EXHAUSTED)
