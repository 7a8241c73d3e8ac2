"""Groups of metrics that batch jobs pushed, kept until they are deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PushedGroup:
    """What is remembered of a group.

    Attributes:
        key: its grouping labels by name, `job` among them; a value may be empty.
        families: its metrics, in a form that the store does not look into.
        pushed_ms, failed_ms: when a push was last taken, and refused; 0 for never.
    """

    key: tuple[tuple[str, str], ...]
    families: str
    pushed_ms: int
    failed_ms: int


class PushedGroupRecords(Protocol):
    """The pushed groups."""

    async def all(self) -> Sequence[PushedGroup]:
        """Return every group, by key."""

    async def put(self, group: PushedGroup) -> None:
        """Store a group in the place of the one with its key, if there is one."""

    async def remove(self, key: tuple[tuple[str, str], ...]) -> None:
        """Forget a group; unknown ones are ignored."""
