"""Pushed messages: which were taken already, the latest ones, and how many there were.

A device that saw no answer sends its message again. What was taken once is known by its
id, after a restart too, so that the repetition changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class MessageTotals:
    """What was taken since the data directory was made.

    Attributes:
        messages: of devices.
        reports: of hosts.
    """

    messages: int
    reports: int


class MessageLog(Protocol):
    """Remembers messages. All but `commit` is immediate, on the event loop."""

    @property
    def totals(self) -> MessageTotals:
        """How many were taken, those not committed yet included."""

    def take(self, message_id: str, document: bytes) -> bool:
        """Remember a message until the next commit and beyond; False if it was taken before.

        Args:
            message_id: what its sender calls it.
            document: the message as JSON, for `latest`.

        Raises:
            StoreClosedError: the log is not open.
        """

    def knows(self, message_id: str) -> bool:
        """Tell whether a message was taken; one that is very old may be forgotten."""

    def take_report(self) -> int:
        """Count a report and return its number, which no other will have.

        Raises:
            StoreClosedError: the log is not open.
        """

    def latest(self, limit: int) -> Sequence[bytes]:
        """Return the documents of the latest messages, newest first."""

    async def commit(self) -> None:
        """Return when everything taken before the call is durable.

        Raises:
            StorageError: the disk refused; it is tried again with the next commit.
        """
