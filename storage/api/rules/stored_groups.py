"""Rule groups that people make in the UI or the API, beside those of rule files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RuleGroupContent:
    """A rule group to store.

    Attributes:
        name: unique among the stored groups.
        definition: the group with the keys of Prometheus's rule files, as JSON.
    """

    name: str
    definition: str


@dataclass(frozen=True, slots=True)
class StoredRuleGroup(RuleGroupContent):
    """A stored rule group.

    Attributes:
        id: never given to another group.
        version: starts at 1; each change adds 1.
        author: the user who made the newest version.
        created_ms: when the group was stored first.
        changed_ms: when its newest version was stored.
    """

    id: int
    version: int
    author: str
    created_ms: int
    changed_ms: int


class RuleGroupRecords(Protocol):
    """The stored rule groups."""

    async def all(self) -> Sequence[StoredRuleGroup]:
        """Return all groups by name."""

    async def add(
        self,
        contents: Sequence[RuleGroupContent],
        author: str,
        now_ms: int,
        *,
        overwrite: bool = False,
    ) -> Sequence[StoredRuleGroup]:
        """Store all these groups, or none; `overwrite` changes those whose names exist.

        Raises:
            TakenError: a group has one of the names already.
        """

    async def change(
        self, group_id: int, version: int, content: RuleGroupContent, author: str, now_ms: int
    ) -> StoredRuleGroup:
        """Store a new version of a group that is at `version`.

        Raises:
            NotFoundError: no group has this id.
            StaleVersionError: it is at another version.
            TakenError: another group has the new name.
        """

    async def remove(self, group_id: int, version: int | None = None) -> StoredRuleGroup:
        """Delete a group, and return it; None deletes any version.

        Raises:
            NotFoundError: no group has this id.
            StaleVersionError: it is at another version.
        """
