"""Groups of metrics that batch jobs push to the gateway, kept until they are deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PushedGroup:
    """One group of pushed metrics.

    Attributes:
        key: the grouping labels, sorted by name, `job` among them; values may be empty.
        families: the metrics, in a form that is opaque to the store.
        pushed_ms, failed_ms: when a push last succeeded and last failed; 0 for never.
    """

    key: tuple[tuple[str, str], ...]
    families: str
    pushed_ms: int
    failed_ms: int


class PushedGroupRecords(Protocol):
    """All pushed groups."""

    async def all(self) -> Sequence[PushedGroup]:
        """Return every group, sorted by key."""

    async def put(self, group: PushedGroup) -> None:
        """Store a group, in place of an earlier one with the same key."""

    async def remove(self, key: tuple[tuple[str, str], ...]) -> None:
        """Delete a group; an unknown key is ignored."""
