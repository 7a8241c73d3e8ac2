"""Login throttling: limits failed logins of an account, from an address and on a device."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from web.http.network import sender_network

_MOST_KEYS = 10_000
"""Bounds the memory that an attacker with many addresses can use."""

_FREE_FAILURES: Final = 10
_FIRST_WAIT_MS: Final = 1000
_LONGEST_WAIT_MS: Final = 5 * 60_000
_FORGOTTEN_AFTER_MS: Final = 60 * 60_000
"""Strangers together get 300 guesses a day at one account, whatever their number."""


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
        passed_ms = now_ms - failures.window_start_ms
        # A window that begins in the future is from before the clock was set back.
        return self._window_ms - passed_ms if 0 <= passed_ms < self._window_ms else 0

    def count(self, key: str, now_ms: int) -> None:
        """Count an attempt as failed; `refund` takes it back."""
        failures = self._failures.get(key)
        if failures is None or not 0 <= now_ms - failures.window_start_ms < self._window_ms:
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


@dataclass(slots=True)
class _Delays:
    count: int
    last_ms: int
    open_at_ms: int


class FailureBackoff:
    """Counts failures by key; from the eleventh on, each doubles the wait, up to five minutes.

    A refused attempt is not counted, so it does not prolong the wait.
    """

    def __init__(self) -> None:
        self._delays: OrderedDict[str, _Delays] = OrderedDict()

    def wait_ms(self, key: str, now_ms: int) -> int:
        """Return how long the key must wait, 0 if it may be tried now."""
        delays = self._delays.get(key)
        wait_ms = 0 if delays is None else max(0, delays.open_at_ms - now_ms)
        # A longer wait is from before the clock was set back: it would last until then.
        return wait_ms if wait_ms <= _LONGEST_WAIT_MS else 0

    def count(self, key: str, now_ms: int) -> None:
        """Count an attempt as failed; `clear` takes it back."""
        delays = self._delays.get(key)
        if delays is None or not 0 <= now_ms - delays.last_ms < _FORGOTTEN_AFTER_MS:
            delays = self._delays[key] = _Delays(0, now_ms, 0)
        delays.count += 1
        delays.last_ms = now_ms
        if delays.count >= _FREE_FAILURES:
            # The exponent is bounded: the number would have one more bit for each failure.
            doublings = min(delays.count - _FREE_FAILURES, 30)
            delays.open_at_ms = now_ms + min(_FIRST_WAIT_MS << doublings, _LONGEST_WAIT_MS)
        self._delays.move_to_end(key)
        if len(self._delays) > _MOST_KEYS:
            self._delays.popitem(last=False)

    def clear(self, key: str) -> None:
        """Reset a key's count."""
        self._delays.pop(key, None)


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """A login that is about to be attempted.

    Attributes:
        name: the name as typed.
        address: of the client.
        user_id: of the user with this name; None if there is none.
        device: a device or session on which this user has logged in before; None for a stranger.
    """

    name: str
    address: str
    user_id: int | None = None
    device: str | None = None


class LoginThrottle:
    """Refuses logins after too many failures.

    Strangers are limited by name and address together, by address, and by account. The limit
    of an account delays and never locks, and it does not concern devices on which the user has
    logged in before: a stranger cannot keep the user out. Each of these devices has a limit of
    its own; over it, the device counts as a stranger.

    An attempt counts as failed from its start, so that parallel attempts gain nothing.

    Source: OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
    """

    def __init__(
        self, per_name: int = 5, per_address: int = 50, window_ms: int = 15 * 60_000
    ) -> None:
        self._by_name = FailureLimit(per_name, window_ms)
        self._by_address = FailureLimit(per_address, window_ms)
        self._by_device = FailureLimit(per_name, window_ms)
        # Apart, so that made-up names do not displace the counts of accounts.
        self._accounts, self._unknown_names = FailureBackoff(), FailureBackoff()

    def wait_ms(self, attempt: LoginAttempt, now_ms: int) -> int:
        """Return how long this login must wait, 0 if it may be attempted now."""
        if self._is_trusted(attempt, now_ms):
            return 0
        network = sender_network(attempt.address)
        backoff, key = self._backoff(attempt)
        return max(
            self._by_name.wait_ms(f"{network} {attempt.name}", now_ms),
            self._by_address.wait_ms(network, now_ms),
            backoff.wait_ms(key, now_ms),
        )

    def begin(self, attempt: LoginAttempt, now_ms: int) -> None:
        """Count a login that is about to be attempted."""
        if self._is_trusted(attempt, now_ms):
            self._by_device.count(_device_key(attempt), now_ms)
            return
        network = sender_network(attempt.address)
        backoff, key = self._backoff(attempt)
        self._by_name.count(f"{network} {attempt.name}", now_ms)
        self._by_address.count(network, now_ms)
        backoff.count(key, now_ms)

    def succeed(self, attempt: LoginAttempt) -> None:
        """Take the attempt back, and reset the counts of the name."""
        network = sender_network(attempt.address)
        self._by_name.clear(f"{network} {attempt.name}")
        if attempt.device is not None:
            # The account's count stays: strangers may go on guessing.
            self._by_device.clear(_device_key(attempt))
            return
        backoff, key = self._backoff(attempt)
        self._by_address.refund(network)
        backoff.clear(key)

    def _is_trusted(self, attempt: LoginAttempt, now_ms: int) -> bool:
        return attempt.device is not None and not self._by_device.wait_ms(
            _device_key(attempt), now_ms
        )

    def _backoff(self, attempt: LoginAttempt) -> tuple[FailureBackoff, str]:
        if attempt.user_id is None:
            return self._unknown_names, attempt.name
        return self._accounts, str(attempt.user_id)


def _device_key(attempt: LoginAttempt) -> str:
    return f"{attempt.user_id} {attempt.device}"
