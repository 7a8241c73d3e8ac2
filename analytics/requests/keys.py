"""API keys of projects: created, found, rotated and revoked."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_hex
from typing import Final

from model.clock import Clock
from storage.api.project_keys import TRACK_ONLY, KeyScope, ProjectKey, ProjectKeyRecords
from storage.api.projects import Project

PREFIX: Final = "rsk_"
"""Every key begins with it, so that no other credential is looked up among the keys."""
_SECRET_BYTES: Final = 24
_SHOWN_CHARACTERS: Final = 12
_TOUCH_INTERVAL_MS: Final = 60_000
"""The last use is stored this often: each write is a sync to disk."""
_KNOWN_MS: Final = 5_000
"""A key is looked up again after this time; a revoked one is forgotten at once."""
_MOST_KNOWN: Final = 10_000


@dataclass(frozen=True, slots=True)
class IssuedProjectKey:
    """A new key with its secret, of which only a hash is stored."""

    secret: str
    key: ProjectKey


class ProjectKeyring:
    """Manages the keys of projects.

    A key has 192 random bits, so a plain hash is enough, and no two have the same.
    """

    def __init__(self, records: ProjectKeyRecords, clock: Clock) -> None:
        self._records, self._clock = records, clock
        # By hash: the key, its project and the time of the look-up.
        self._known: dict[str, tuple[ProjectKey, Project, int]] = {}
        self._touched_ms: dict[int, int] = {}

    async def issue(
        self, project: Project, label: str, scopes: frozenset[KeyScope] = TRACK_ONLY
    ) -> IssuedProjectKey:
        """Create a key.

        Raises:
            NotFoundError: the project was removed.
        """
        secret = PREFIX + token_hex(_SECRET_BYTES)
        shown = secret[:_SHOWN_CHARACTERS]
        key = await self._records.add(
            project.id, _hash(secret), shown, label, self._clock(), scopes
        )
        return IssuedProjectKey(secret, key)

    async def rotate(
        self,
        project: Project,
        key_id: int,
        label: str,
        overlap_s: int,
        scopes: frozenset[KeyScope] | None = None,
    ) -> IssuedProjectKey:
        """Create a key in place of another, which stays valid for a while.

        Without scopes, the new key has those of the old one.

        Raises:
            NotFoundError: the project has no such key.
        """
        old = await self._records.expire(project.id, key_id, self._clock() + overlap_s * 1000)
        self._known.clear()
        return await self.issue(project, label, old.scopes if scopes is None else scopes)

    async def revoke(self, project: Project, key_id: int) -> None:
        """End a key at once.

        Raises:
            NotFoundError: the project has no such key.
        """
        await self._records.revoke(project.id, key_id)
        self._known.clear()

    def forget(self) -> None:
        """Look every key up again: a project was changed or removed."""
        self._known.clear()

    async def live(self, project: Project) -> Sequence[ProjectKey]:
        """Return the valid keys of a project, newest first."""
        return await self._records.live(project.id, self._clock())

    async def find(self, secret: str) -> tuple[Project, frozenset[KeyScope]] | None:
        """Return the active project of a key and the key's scopes, None if no valid key is this."""
        now_ms, hashed = self._clock(), _hash(secret)
        known = self._known.get(hashed)
        if known is None or not 0 <= now_ms - known[2] < _KNOWN_MS:
            found = await self._records.find(hashed, now_ms)
            if found is None:
                self._known.pop(hashed, None)
                return None
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[hashed] = (*found, now_ms)
        key, project, _ = known
        if key.expires_ms is not None and key.expires_ms <= now_ms:
            return None
        await self._touch(key, now_ms)
        return (project, key.scopes) if project.settings.is_active else None

    async def _touch(self, key: ProjectKey, now_ms: int) -> None:
        if now_ms - self._touched_ms.get(key.id, -_TOUCH_INTERVAL_MS) >= _TOUCH_INTERVAL_MS:
            self._touched_ms[key.id] = now_ms
            await self._records.touch(key.id, now_ms)


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
