"""Receives what a discoverer finds, and counts its lookups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from model.clock import Clock, system_clock
from scraper.discovery.groups import TargetGroup

log = structlog.get_logger(__name__)

_Place = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class MechanismStatistics:
    """Totals of one mechanism of service discovery since the start.

    Attributes:
        refreshes: lookups that ended, successful or failed.
        failures: lookups that failed.
        success_ms: time of the last successful lookup, 0 if there was none.
    """

    refreshes: int = 0
    failures: int = 0
    success_ms: int = 0


class Feed:
    """Passes the groups of one discoverer on when they have changed.

    The last groups stay valid while lookups fail. The first failure of a series is logged.
    """

    def __init__(
        self,
        mechanism: str,
        changed: Callable[[Sequence[TargetGroup]], None],
        statistics: MechanismStatistics | None = None,
        clock: Clock = system_clock,
    ) -> None:
        """Prepare; `changed` receives all groups at the first success and at each change."""
        self._mechanism, self._changed, self._clock = mechanism, changed, clock
        self._statistics = statistics or MechanismStatistics()
        self._known: Sequence[TargetGroup] | None = None
        self._failing: set[_Place] = set()

    def publish(self, groups: Sequence[TargetGroup]) -> None:
        """Replace the groups that the discoverer knows."""
        if groups != self._known:
            self._known = groups
            self._changed(groups)

    def succeeded(self, **place: str) -> None:
        """Record a successful lookup of a place, for example `url=…`."""
        self._statistics.refreshes += 1
        self._statistics.success_ms = self._clock()
        self._failing.discard(tuple(place.items()))

    def failed(self, error: Exception, **place: str) -> None:
        """Record a failed lookup of a place."""
        self._statistics.refreshes += 1
        self._statistics.failures += 1
        key = tuple(place.items())
        if key not in self._failing:
            self._failing.add(key)
            log.warning("discovery_failed", kind=f"{self._mechanism}_sd", error=str(error), **place)
