"""Whether deliveries make progress: the evidence for the dead man's switch."""

import time
from collections.abc import Callable, Collection


class DeliveryProgress:
    """When each delivery must take its next step, and which receivers accept nothing."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        # By receiver; a delivery that waits for notifications has no next step.
        self._due_s: dict[str, float] = {}
        self._failing: set[str] = set()

    def expect(self, receiver: str, within_s: float = 0.0) -> None:
        """Note that a delivery must take its next step within a time."""
        self._due_s[receiver] = self._monotonic() + within_s

    def woken(self, receiver: str) -> None:
        """Note that a delivery, if it waits, must look at the outbox now."""
        self._due_s.setdefault(receiver, self._monotonic())

    def idle(self, receiver: str) -> None:
        """Note that a delivery has nothing to do."""
        self._due_s.pop(receiver, None)
        self._failing.discard(receiver)

    def failed(self, receiver: str) -> None:
        """Note that an attempt failed and will be repeated."""
        self._failing.add(receiver)

    def delivered(self, receiver: str) -> None:
        """Note that a receiver has accepted a notification."""
        self._failing.discard(receiver)

    def ended(self, receiver: str) -> None:
        """Forget a delivery."""
        self.idle(receiver)

    def problem(self, receivers: Collection[str], patience_s: float) -> str:
        """Return why notifications do not arrive, "" if nothing is known to be wrong.

        Args:
            receivers: the receivers that get notifications.
            patience_s: how long a delivery may be late with its next step.
        """
        now_s = self._monotonic()
        for receiver, due_s in self._due_s.items():
            if now_s - due_s > patience_s:
                return f"the delivery to {receiver} stands still"
        if receivers and self._failing.issuperset(receivers):
            return "no receiver accepts notifications"
        return ""
