"""Events that were not stored on purpose, by reason."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol


class ExclusionReason(StrEnum):
    """Why an event of a web page is not counted."""

    BOT = "bot"
    """The user agent is that of a bot or an automated browser."""
    ADDRESS = "address"
    """The visitor's address is in a network that the project excludes."""
    USER_AGENT = "userAgent"
    """The user agent contains a text that the project excludes."""


class ExclusionCounter(Protocol):
    """Counts excluded events, by hour."""

    def count_excluded(
        self, project: int, time_ms: int, counts: Mapping[ExclusionReason, int]
    ) -> None:
        """Count excluded events; the counts reach the disk with the next events."""

    async def excluded(
        self, project: int, start_ms: int, end_ms: int
    ) -> Mapping[ExclusionReason, int]:
        """Return how many events were excluded in the hours that overlap a range."""
