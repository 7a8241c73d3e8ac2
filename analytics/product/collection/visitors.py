"""Visitors of web pages, and the ids of those who are not recognised by a cookie."""

from dataclasses import dataclass
from typing import Final

from analytics.daily_hashing import DAY_MS, DailyHasher

_CONTINUED_MS: Final = 2 * 3_600_000
"""A visit over midnight keeps its id for this long after midnight at most."""
_MOST_LATE: Final = 100_000
"""Visits that are remembered over midnight; some 10 MB."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A visitor's device as its requests show it; nothing of this is stored.

    Attributes:
        address: the address of the client.
        user_agent: the header `User-Agent`.
        brands, platform, mobile: the client hints `Sec-CH-UA`, `Sec-CH-UA-Platform` and
            `Sec-CH-UA-Mobile`.
    """

    address: str
    user_agent: str = ""
    brands: str = ""
    platform: str = ""
    mobile: str = ""


class VisitorIds:
    """Gives visitors without a cookie an id: a hash of project, address and user agent.

    The secret of the hash changes every day, see `DailyHasher`. A visit that is in progress
    at midnight UTC keeps its id until it pauses, for two hours at most; then the secret of
    the day before is forgotten.
    """

    def __init__(self) -> None:
        self._hasher = DailyHasher()
        # By id: the time of the last event. `_late` is of today, `_continued` of yesterday.
        self._late: dict[str, int] = {}
        self._continued: dict[str, int] = {}

    def of(self, project: int, visitor: Visitor, now_ms: int, idle_ms: int) -> str:
        """Return the id of a visitor.

        Args:
            project: the number of the project.
            visitor: the visitor.
            now_ms: the time of the request.
            idle_ms: the time without an event that ends a visit.
        """
        if self._hasher.turn(now_ms):
            self._continued, self._late = self._late, {}
        texts = (str(project), visitor.address, visitor.user_agent)
        since_midnight_ms = now_ms % DAY_MS
        if (old := self._hasher.previous) is not None:
            known = "visitor-" + old.hash(*texts)
            if now_ms - self._continued.get(known, -DAY_MS) <= idle_ms:
                self._continued[known] = now_ms
                return known
            if since_midnight_ms >= _CONTINUED_MS:
                self._hasher.forget_previous()
                self._continued = {}
        found = "visitor-" + self._hasher.hash(now_ms, *texts)
        if since_midnight_ms >= DAY_MS - idle_ms and len(self._late) < _MOST_LATE:
            self._late[found] = now_ms
        return found
