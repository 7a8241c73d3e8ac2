"""Receivers of notifications that administrators add in the UI."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AddedReceiver:
    """A receiver that was added in the UI.

    Attributes:
        name: unique among the added receivers.
        kind: `webhook` or `apprise`.
        sealed_url: its URL, encrypted: such URLs hold tokens and passwords.
        created_ms: when it was added.
        tested_ms: when its last successful test was; None before.
    """

    name: str
    kind: str
    sealed_url: str
    created_ms: int
    tested_ms: int | None = None


class AddedReceiverRecords(Protocol):
    """The receivers that were added in the UI."""

    async def all(self) -> Sequence[AddedReceiver]:
        """Return them, oldest first."""

    async def add(self, receiver: AddedReceiver) -> None:
        """Add one.

        Raises:
            TakenError: the name is taken.
        """

    async def set_tested(self, name: str, now_ms: int) -> None:
        """Record a successful test; other names are ignored."""

    async def remove(self, name: str) -> None:
        """Remove one.

        Raises:
            NotFoundError: no such receiver.
        """
