"""Accounts: users, and the sessions and bearer tokens that stand for them.

Secrets never reach the store: it is given hashes (argon2id for passwords, SHA-256
for random tokens) and gives hashes back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Role(StrEnum):
    """What a user may do: look; change hosts and alerts; manage everything."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"


class CredentialKind(StrEnum):
    """How a credential is carried.

    SESSION: in a browser's cookie. BEARER: a random token in a header. JWT: named by a
    signed token in a header, which is worth nothing without the record.
    """

    SESSION = "session"
    BEARER = "bearer"
    JWT = "jwt"


class Scope(StrEnum):
    """What a credential lets its user do, never more than the user's role.

    READ: what a viewer may. WRITE: all that the user's role may. PUSH: hand in samples
    and nothing else; a device's key.
    """

    READ = "read"
    WRITE = "write"
    PUSH = "push"


FULL_SCOPES = frozenset({Scope.WRITE})
"""Of sessions, and of tokens that name no scope."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in."""

    id: int
    name: str
    role: Role
    password_hash: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class Credential:
    """A session or bearer token, known by the SHA-256 of its secret (hex)."""

    id: int
    user_id: int
    kind: CredentialKind
    secret_hash: str
    label: str
    created_ms: int
    expires_ms: int
    last_used_ms: int
    scopes: frozenset[Scope] = FULL_SCOPES


class AccountRecords(Protocol):
    """Users and their credentials."""

    async def users(self) -> Sequence[User]:
        """Return every user, by name."""

    async def user(self, name: str) -> User | None:
        """Return the user of this name, None if there is none."""

    async def add_user(self, name: str, role: Role, password_hash: str, now_ms: int) -> User:
        """Add a user.

        Raises:
            TakenError: the name is taken.
        """

    async def set_password(self, name: str, password_hash: str) -> None:
        """Replace a password and revoke every credential of the user.

        Raises:
            NotFoundError: no such user.
        """

    async def set_role(self, name: str, role: Role) -> None:
        """Give a user another role; it counts from the next request on.

        Raises:
            NotFoundError: no such user.
            LastAdminError: there would be no admin left.
        """

    async def remove_user(self, name: str) -> None:
        """Remove a user with all credentials.

        Raises:
            NotFoundError: no such user.
            LastAdminError: there would be no admin left.
        """

    async def add_credential(
        self,
        user_id: int,
        kind: CredentialKind,
        secret_hash: str,
        label: str,
        now_ms: int,
        expires_ms: int,
        scopes: frozenset[Scope] = FULL_SCOPES,
    ) -> Credential:
        """Store a new session or bearer token; expired ones of the user are dropped.

        Raises:
            NotFoundError: no such user.
        """

    async def credential(self, secret_hash: str, now_ms: int) -> tuple[Credential, User] | None:
        """Return the live credential with this hash and its user, None if there is none."""

    async def credentials(self, user_id: int, now_ms: int) -> Sequence[Credential]:
        """Return a user's live credentials, newest first."""

    async def touch_credential(self, credential_id: int, now_ms: int) -> None:
        """Note that a credential was used."""

    async def revoke_credential(self, secret_hash: str) -> None:
        """End a credential at once; unknown ones are ignored."""

    async def revoke_credentials(self, user_id: int, kept_id: int | None = None) -> int:
        """End every credential of a user, all but one if one is named; return how many."""
