"""Login throttling: guessing is slow, for one account and from one address."""

from collections import OrderedDict
from dataclasses import dataclass

from web.http.network import sender_network

_MOST_KEYS = 10_000
"""Bounds the memory that an attacker with many addresses can take."""


@dataclass(slots=True)
class _Failures:
    count: int
    window_start_ms: int


class FailureLimit:
    """Counts failures by key in fixed windows; over the limit a key must wait its window out."""

    def __init__(self, most: int, window_ms: int) -> None:
        self._most, self._window_ms = most, window_ms
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait_ms(self, key: str, now_ms: int) -> int:
        """Return how long the key must wait, 0 if it need not."""
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
        """Forget a key's failures."""
        self._failures.pop(key, None)


class LoginThrottle:
    """Refuses logins after too many failures of one name from one address, or of one address.

    Counting name and address together keeps a stranger from locking somebody out;
    counting the address alone keeps one machine from trying every name. An attempt
    counts as failed from its start, so that attempts side by side gain nothing.
    """

    def __init__(
        self, per_name: int = 5, per_address: int = 50, window_ms: int = 15 * 60_000
    ) -> None:
        self._by_name = FailureLimit(per_name, window_ms)
        self._by_address = FailureLimit(per_address, window_ms)

    def wait_ms(self, name: str, address: str, now_ms: int) -> int:
        """Return how long this login must wait, 0 if it may be tried now."""
        return max(
            self._by_name.wait_ms(f"{sender_network(address)} {name}", now_ms),
            self._by_address.wait_ms(sender_network(address), now_ms),
        )

    def attempt(self, name: str, address: str, now_ms: int) -> None:
        """Count a login that is about to be tried."""
        self._by_name.count(f"{sender_network(address)} {name}", now_ms)
        self._by_address.count(sender_network(address), now_ms)

    def succeed(self, name: str, address: str) -> None:
        """Take the attempt back, and forget the name's earlier failures."""
        self._by_name.clear(f"{sender_network(address)} {name}")
        self._by_address.refund(sender_network(address))
