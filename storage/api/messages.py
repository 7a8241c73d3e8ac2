"""The log of pushed messages: their ids, their totals, and the latest of them.

A device that gets no answer sends its message again. The log knows the ids of accepted
messages, also after a restart, so a repeated message has no effect.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class MessageTotals:
    """How much has been accepted since the data directory was created.

    Attributes:
        messages: messages of devices.
        reports: reports of hosts.
    """

    messages: int
    reports: int


class MessageLog(Protocol):
    """Remembers messages. All methods but `commit` return at once; use them on one loop."""

    @property
    def totals(self) -> MessageTotals:
        """The totals, including messages that are not committed yet."""

    def take(self, message_id: str, document: bytes) -> bool:
        """Add a message; return False if one with this id was added before.

        Args:
            message_id: the id that the sender gave it.
            document: the message as JSON, for `latest`.

        Raises:
            StoreClosedError: the log is not open.
        """

    def knows(self, message_id: str) -> bool:
        """Return whether a message was added; very old ones may be forgotten."""

    def take_report(self) -> int:
        """Count a report, and return its number, which is unique.

        Raises:
            StoreClosedError: the log is not open.
        """

    def latest(self, limit: int) -> Sequence[bytes]:
        """Return the documents of the latest messages, newest first."""

    async def commit(self) -> None:
        """Return when everything added before the call is durable.

        Raises:
            StorageError: writing failed; the next commit tries again.
        """
