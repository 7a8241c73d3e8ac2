"""API keys of projects: the secrets with which applications send and programs read.

The store gets their SHA-256 in hex, never the secrets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from storage.api.projects import Project


class KeyScope(StrEnum):
    """The permission of an API key in its project; it permits nothing elsewhere."""

    TRACK = "track"
    """Report the API requests that an application has served."""
    READ = "read"
    """Read reports, the schema and the request log."""


TRACK_ONLY: Final = frozenset({KeyScope.TRACK})
"""The scopes of a new key unless others are asked for."""


@dataclass(frozen=True, slots=True)
class ProjectKey:
    """One key of a project.

    Attributes:
        prefix: the visible beginning of the key.
        label: what the key is for.
        expires_ms: when it stops being valid, None for never.
        last_used_ms: None before the first use.
        scopes: what it permits.
    """

    id: int
    project_id: int
    prefix: str
    label: str
    created_ms: int
    expires_ms: int | None = None
    last_used_ms: int | None = None
    scopes: frozenset[KeyScope] = TRACK_ONLY


class ProjectKeyRecords(Protocol):
    """The keys of all projects."""

    async def add(
        self,
        project_id: int,
        secret_hash: str,
        prefix: str,
        label: str,
        now_ms: int,
        scopes: frozenset[KeyScope] = TRACK_ONLY,
    ) -> ProjectKey:
        """Add a key.

        Raises:
            NotFoundError: no project has this id.
        """

    async def live(self, project_id: int, now_ms: int) -> Sequence[ProjectKey]:
        """Return the valid keys of a project, newest first."""

    async def find(self, secret_hash: str, now_ms: int) -> tuple[ProjectKey, Project] | None:
        """Return the valid key with this hash and its project, None if there is none."""

    async def expire(self, project_id: int, key_id: int, at_ms: int) -> ProjectKey:
        """Let a key end at a time, or earlier if it would; return it.

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
