"""Quotas: how many requests a sender may make in a minute.

A quota is a bucket that refills evenly. It stores one number for each sender, the time
at which its bucket is full again (the generic cell rate algorithm), so that a sender
takes some 200 bytes at any rate. A sliding window stores one entry for each request: at
the rates at which a fleet pushes, tens of megabytes for one key.

Source: ITU-T I.371, annex A, "virtual scheduling".
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from model.clock import Clock
from model.limits import LimitName, Refusals
from web.http.errors import TooManyRequestsError
from web.http.network import sender_network
from web.http.routing import Principal
from web.settings import QuotaSettings

MOST_SENDERS: Final = 20_000
"""Some 4 MB. The sender that was silent longest is forgotten first, and its bucket is full
again. An attacker with more addresses has a full bucket at each of them anyway."""

WINDOW_S: Final = 60


class Holder(StrEnum):
    """Whose quota a request counts against."""

    ADDRESS = "address"
    KEY = "key"

    @property
    def limit(self) -> LimitName:
        """The limit under which refused requests are counted."""
        return LimitName.ADDRESS_QUOTA if self is Holder.ADDRESS else LimitName.KEY_QUOTA


@dataclass(frozen=True, slots=True)
class QuotaState:
    """A sender's quota after a request.

    Attributes:
        limit: requests a minute.
        remaining: how many more requests are accepted at once.
        full_ms: the time until the quota is full again.
        wait_ms: the time until the next request is accepted; 0 if this one was.
    """

    limit: int
    remaining: int
    full_ms: float
    wait_ms: float

    def headers(self) -> dict[str, str]:
        """Return the response headers that show the quota.

        Source: draft-ietf-httpapi-ratelimit-headers-06.
        """
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(math.ceil(self.full_ms / 1000)),
            "RateLimit-Policy": f"{self.limit};w={WINDOW_S}",
        }


class Quota:
    """A limit on each sender's requests a minute; a burst may use all of it at once."""

    def __init__(self, per_minute: int, most_senders: int = MOST_SENDERS) -> None:
        self._limit, self._most = per_minute, most_senders
        self._window_ms = WINDOW_S * 1000.0
        self._interval_ms = self._window_ms / per_minute
        self._full_at_ms: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        """Return the number of senders in memory."""
        return len(self._full_at_ms)

    def take(self, sender: str, now_ms: float) -> QuotaState:
        """Take one request out of the sender's quota, unless it is used up."""
        known_ms = self._full_at_ms.get(sender, now_ms)
        # At least 0, because a bucket is never more than full. At most the window, in
        # which it fills, so that a clock that was set back locks nobody out.
        full_ms = min(max(known_ms - now_ms, 0.0), self._window_ms)
        wait_ms = full_ms + self._interval_ms - self._window_ms
        # A thousandth of a millisecond of tolerance: sums of fractions are not exact.
        is_taken = wait_ms <= 1e-3
        if is_taken:
            full_ms += self._interval_ms
        # A refused sender moves to the end too, or a flood of others would evict its entry.
        self._full_at_ms[sender] = now_ms + full_ms
        self._full_at_ms.move_to_end(sender)
        if len(self._full_at_ms) > self._most:
            self._full_at_ms.popitem(last=False)
        if not is_taken:
            return QuotaState(self._limit, 0, full_ms, wait_ms)
        remaining = int((self._window_ms - full_ms) / self._interval_ms + 1e-6)
        return QuotaState(self._limit, remaining, full_ms, 0.0)


class Quotas:
    """The quotas of addresses and of keys over some routes, whatever protocol reaches them.

    Args:
        settings: requests a minute.
        clock: returns the current time.
        refusals: counts what is refused.
    """

    def __init__(self, settings: QuotaSettings, clock: Clock, refusals: Refusals) -> None:
        self._clock, self._refusals = clock, refusals
        address, key = settings.address_per_minute, settings.key_per_minute
        self._quotas = {
            Holder.ADDRESS: Quota(address) if address else None,
            Holder.KEY: Quota(key) if key else None,
        }

    def take(
        self, holder: Holder, sender: str, seen: Callable[[QuotaState], None] | None = None
    ) -> None:
        """Count a request for an address or a key.

        Args:
            holder: which quota.
            sender: the address or the key; "" counts for none.
            seen: called with the quota's state, also if the request is refused.

        Raises:
            TooManyRequestsError: the quota is used up.
        """
        quota = self._quotas[holder]
        if quota is None or not sender:
            return
        if holder is Holder.ADDRESS:
            sender = sender_network(sender)
        state = quota.take(sender, self._clock())
        if seen is not None:
            seen(state)
        if state.wait_ms:
            self._refusals.count(holder.limit)
            raise TooManyRequestsError(
                f"more than {state.limit} requests a minute from this {holder}",
                math.ceil(state.wait_ms / 1000),
            )


def quota_key(principal: Principal) -> str:
    """Return the quota key of the sender's session, token or user, "" for anonymous senders."""
    user = "" if principal.user is None else f"user {principal.user.id}"
    if principal.credential is not None:
        return f"{user} credential {principal.credential.id}"
    return user
