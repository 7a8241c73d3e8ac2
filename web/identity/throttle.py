"""Login throttling: limits failed logins for one account and from one address."""

from collections import OrderedDict
from dataclasses import dataclass

from web.http.network import sender_network

_MOST_KEYS = 10_000
"""Bounds the memory that an attacker with many addresses can use."""


@dataclass(slots=True)
class _Failures:
    count: int
    window_start_ms: int


class FailureLimit:
    """Counts failures by key in fixed windows; a key over the limit waits for the next window."""

    def __init__(self, most: int, window_ms: int) -> None:
        self._most, self._window_ms = most, window_ms
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait_ms(self, key: str, now_ms: int) -> int:
        """Return how long the key must wait, 0 if it is below the limit."""
        failures = self._failures.get(key)
        if failures is None or failures.count < self._most:
            return 0
        return max(0, failures.window_start_ms + self._window_ms - now_ms)

    def count(self, key: str, now_ms: int) -> None:
        """Count an attempt as failed; `refund` takes it back."""
        failures = self._failures.get(key)
        if failures is None or now_ms - failures.window_start_ms >= self._window_ms:
            failures = self._failures[key] = _Failures(0, now_ms)
        failures.count += 1
        self._failures.move_to_end(key)
        if len(self._failures) > _MOST_KEYS:
            self._failures.popitem(last=False)

    def refund(self, key: str) -> None:
        """Take back one counted failure."""
        if failures := self._failures.get(key):
            failures.count -= 1

    def clear(self, key: str) -> None:
        """Reset a key's count."""
        self._failures.pop(key, None)


class LoginThrottle:
    """Refuses logins after too many failures of a name from one address, or of an address.

    Counting a name only together with the address keeps strangers from locking a user
    out; counting the address alone keeps one machine from trying every name. An attempt
    counts as failed from its start, so that parallel attempts gain nothing.
    """

    def __init__(
        self, per_name: int = 5, per_address: int = 50, window_ms: int = 15 * 60_000
    ) -> None:
        self._by_name = FailureLimit(per_name, window_ms)
        self._by_address = FailureLimit(per_address, window_ms)

    def wait_ms(self, name: str, address: str, now_ms: int) -> int:
        """Return how long this login must wait, 0 if it may be attempted now."""
        return max(
            self._by_name.wait_ms(f"{sender_network(address)} {name}", now_ms),
            self._by_address.wait_ms(sender_network(address), now_ms),
        )

    def attempt(self, name: str, address: str, now_ms: int) -> None:
        """Count a login that is about to be attempted."""
        self._by_name.count(f"{sender_network(address)} {name}", now_ms)
        self._by_address.count(sender_network(address), now_ms)

    def succeed(self, name: str, address: str) -> None:
        """Take the attempt back, and reset the count of the name."""
        self._by_name.clear(f"{sender_network(address)} {name}")
        self._by_address.refund(sender_network(address))
