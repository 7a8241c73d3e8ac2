"""Quotas: how many requests a sender may make, told ahead and bounded in memory.

A quota is a bucket that refills evenly. What is kept of a sender is one number, the
time at which its bucket will be full again (the generic cell rate algorithm), so that
a sender costs some 200 bytes whatever its rate. A moving window keeps one entry a
request: at the rates at which a fleet pushes that is tens of megabytes for one key.

Source: ITU-T I.371, annex A, "virtual scheduling".
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MOST_SENDERS: Final = 20_000
"""Some 4 MB. The one that was silent longest is forgotten first, its bucket then full:
who commands more addresses than this has a full bucket at each of them anyway."""

WINDOW_S: Final = 60


class Holder(StrEnum):
    """Whose quota a request is taken out of."""

    ADDRESS = "address"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a sender stands after a request.

    Attributes:
        limit: requests a minute.
        remaining: requests that may follow at once.
        full_ms: how long until nothing is missing from the quota.
        wait_ms: how long until a request is taken again; 0 if this one was.
    """

    limit: int
    remaining: int
    full_ms: float
    wait_ms: float

    def headers(self) -> dict[str, str]:
        """Return what tells the sender.

        Source: draft-ietf-httpapi-ratelimit-headers-06.
        """
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(math.ceil(self.full_ms / 1000)),
            "RateLimit-Policy": f"{self.limit};w={WINDOW_S}",
        }


class Quota:
    """So many requests a minute for each sender, all of them at once if need be."""

    def __init__(self, per_minute: int, most_senders: int = MOST_SENDERS) -> None:
        self._limit, self._most = per_minute, most_senders
        self._window_ms = WINDOW_S * 1000.0
        self._interval_ms = self._window_ms / per_minute
        self._full_at_ms: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        """Return how many senders are remembered."""
        return len(self._full_at_ms)

    def take(self, sender: str, now_ms: float) -> Standing:
        """Take one request out of the sender's quota, if there is one in it."""
        known_ms = self._full_at_ms.get(sender, now_ms)
        # Not before now, for a bucket is never more than full; not beyond the window,
        # in which it fills: a clock that was set back locks nobody out.
        full_ms = min(max(known_ms - now_ms, 0.0), self._window_ms)
        wait_ms = full_ms + self._interval_ms - self._window_ms
        # A thousandth of a millisecond: sums of fractions are not exact.
        is_taken = wait_ms <= 1e-3
        if is_taken:
            full_ms += self._interval_ms
        # Who is refused is remembered too, else a flood of others would clear his record.
        self._full_at_ms[sender] = now_ms + full_ms
        self._full_at_ms.move_to_end(sender)
        if len(self._full_at_ms) > self._most:
            self._full_at_ms.popitem(last=False)
        if not is_taken:
            return Standing(self._limit, 0, full_ms, wait_ms)
        left = int((self._window_ms - full_ms) / self._interval_ms + 1e-6)
        return Standing(self._limit, left, full_ms, 0.0)
