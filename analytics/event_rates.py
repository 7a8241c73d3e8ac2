"""The most events and tracked requests a second of each project."""

from typing import Final

from model.clock import Clock
from model.limits import LimitName, Refusals
from model.rates import Rate
from storage.api.projects import Project

_BURST_S: Final = 10
"""What a project may send at once: SDKs collect events and send them together."""
_MOST_RATES: Final = 10_000


class EventRates:
    """Limits what each project may send: a token bucket that holds ten seconds of its rate.

    A batch is taken or refused as a whole. The last one may go beyond what the bucket holds, so
    that a batch larger than the bucket is not refused forever; those that follow wait longer.
    """

    def __init__(self, per_second: int, clock: Clock, refusals: Refusals) -> None:
        """Set up.

        Args:
            per_second: the limit of each project, 0 for none; a project's own may be lower.
            clock: the time.
            refusals: counts the events of refused batches.
        """
        self._per_second, self._clock, self._refusals = per_second, clock, refusals
        # By project: the limit and its state.
        self._rates: dict[int, tuple[int, Rate]] = {}

    def limit(self, project: Project) -> int:
        """Return the limit of a project, 0 without one."""
        general, own = self._per_second, project.settings.events_per_second
        return min(general, own) if general and own else general or own

    def take(self, project: Project, events: int) -> float:
        """Take events, and return 0; or count them as refused, and return the time to wait in s."""
        limit = self.limit(project)
        if not limit:
            return 0.0
        rate, now_ms = self._rate(project, limit), self._clock()
        wait_s = rate.wait_s(now_ms)
        if wait_s:
            self._refusals.count(LimitName.PROJECT_EVENTS, events)
        else:
            rate.take(events, now_ms)
        return wait_s

    def _rate(self, project: Project, limit: int) -> Rate:
        known = self._rates.get(project.id)
        if known is not None and known[0] == limit:
            return known[1]
        if known is None and len(self._rates) >= _MOST_RATES:
            # Full ones stay: a project must not get a new bucket because many others send.
            now_ms = self._clock()
            self._rates = {
                project_id: one for project_id, one in self._rates.items() if one[1].wait_s(now_ms)
            }
        rate = Rate(limit, limit * _BURST_S)
        self._rates[project.id] = (limit, rate)
        return rate
