"""Rule groups that editors make in the UI or the API."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from storage.api.rules.stored_groups import StoredRuleGroup

MOST_GROUPS: Final = 1_000
"""The most stored rule groups."""

MOST_CHARACTERS: Final = 10_000_000
"""The most characters of all stored rule groups."""

LONGEST_RULES: Final = 1_000_000
"""The most characters of a rule file, or of the definition of a group."""


class ManagedRuleGroups(Protocol):
    """The rule groups beside those of rule files; a change takes effect at once.

    A definition has the keys of a group in Prometheus's rule files. A changed group keeps its
    pending and firing alerts as far as their rules remain; other groups do not notice.
    """

    def all(self) -> Sequence[StoredRuleGroup]:
        """Return the groups by name."""

    def get(self, group_id: int) -> StoredRuleGroup:
        """Return a group.

        Raises:
            NotFoundError: no group has this id.
        """

    def problem(self, group_id: int) -> str:
        """Return why a group is not evaluated, "" if it is.

        Raises:
            NotFoundError: no group has this id.
        """

    def rule_file(self, groups: Sequence[StoredRuleGroup]) -> str:
        """Return a rule file with these groups."""

    async def add(self, definition: Mapping[str, Any], author: str) -> StoredRuleGroup:
        """Store a group.

        Raises:
            BadRequestError: the definition is invalid; the error names the field.
            TakenError: a stored group has the name.
        """

    async def add_file(
        self, text: str, author: str, *, overwrite: bool = False
    ) -> Sequence[StoredRuleGroup]:
        """Store all groups of a rule file, or none; `overwrite` changes those that exist.

        Raises:
            BadRequestError: the file is invalid; the error names the lines.
            TakenError: a stored group has the name of one of them.
        """

    async def change(
        self, group_id: int, version: int, definition: Mapping[str, Any], author: str
    ) -> StoredRuleGroup:
        """Store a new version of a group that is at `version`.

        Raises:
            BadRequestError: the definition is invalid; the error names the field.
            NotFoundError: no group has this id.
            StaleVersionError: it is at another version.
            TakenError: another stored group has the name.
        """

    async def change_by_file(
        self, group_id: int, version: int, text: str, author: str
    ) -> StoredRuleGroup:
        """Store a new version of a group, from a rule file with this group alone.

        Raises:
            BadRequestError: the file is invalid; the error names the lines.
            NotFoundError: no group has this id.
            StaleVersionError: it is at another version.
            TakenError: another stored group has the name.
        """

    async def remove(self, group_id: int, version: int | None = None) -> StoredRuleGroup:
        """Delete a group, resolve its alerts, and return it; None deletes any version.

        Raises:
            NotFoundError: no group has this id.
            StaleVersionError: it is at another version.
        """
