"""API keys of projects: the secrets with which applications send.

The store gets their SHA-256 in hex, never the secrets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from storage.api.projects import Project


@dataclass(frozen=True, slots=True)
class ProjectKey:
    """One key of a project.

    Attributes:
        prefix: the visible beginning of the key.
        label: what the key is for.
        expires_ms: when it stops being valid, None for never.
        last_used_ms: None before the first use.
    """

    id: int
    project_id: int
    prefix: str
    label: str
    created_ms: int
    expires_ms: int | None = None
    last_used_ms: int | None = None


class ProjectKeyRecords(Protocol):
    """The keys of all projects."""

    async def add(
        self, project_id: int, secret_hash: str, prefix: str, label: str, now_ms: int
    ) -> ProjectKey:
        """Add a key.

        Raises:
            NotFoundError: no project has this id.
        """

    async def live(self, project_id: int, now_ms: int) -> Sequence[ProjectKey]:
        """Return the valid keys of a project, newest first."""

    async def find(self, secret_hash: str, now_ms: int) -> tuple[ProjectKey, Project] | None:
        """Return the valid key with this hash and its project, None if there is none."""

    async def expire(self, project_id: int, key_id: int, at_ms: int) -> None:
        """Let a key end at a time, or earlier if it would.

        Raises:
            NotFoundError: the project has no such key.
        """

    async def revoke(self, project_id: int, key_id: int) -> None:
        """End a key at once.

        Raises:
            NotFoundError: the project has no such key.
        """

    async def touch(self, key_id: int, now_ms: int) -> None:
        """Store the time at which a key was used; an unknown id is ignored."""
