"""Accounts: users with their sessions and bearer tokens.

Secrets never reach the store: it stores and returns hashes, argon2id of passwords and
SHA-256 of random tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Role(StrEnum):
    """A user's rights. VIEWER: read. EDITOR: change hosts and alerts. ADMIN: everything."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"


class CredentialKind(StrEnum):
    """How a client presents a credential.

    SESSION: in a cookie of the browser. BEARER: a random token in a header. JWT: a signed
    token in a header; it is invalid once the credential is gone.
    """

    SESSION = "session"
    BEARER = "bearer"
    JWT = "jwt"


class Scope(StrEnum):
    """The rights of a credential, within those of the user's role.

    READ: the rights of a viewer. WRITE: all rights of the user's role. PUSH: send samples
    and nothing else; for the key of a device.
    """

    READ = "read"
    WRITE = "write"
    PUSH = "push"


FULL_SCOPES = frozenset({Scope.WRITE})
"""The scopes of sessions, and of tokens that are created without scopes."""


@dataclass(frozen=True, slots=True)
class User:
    """A user who may log in."""

    id: int
    name: str
    role: Role
    password_hash: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class Credential:
    """A session or token, identified by the SHA-256 of its secret, in hex."""

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
        """Return the user with this name, None if there is none."""

    async def add_user(self, name: str, role: Role, password_hash: str, now_ms: int) -> User:
        """Add a user.

        Raises:
            TakenError: the name is already in use.
        """

    async def set_password(self, name: str, password_hash: str) -> None:
        """Replace a password and revoke every credential of the user.

        Raises:
            NotFoundError: no such user.
        """

    async def set_role(self, name: str, role: Role) -> None:
        """Change the role of a user; it applies from the next request on.

        Raises:
            NotFoundError: no such user.
            LastAdminError: the user is the last admin.
        """

    async def remove_user(self, name: str) -> None:
        """Remove a user and all credentials of the user.

        Raises:
            NotFoundError: no such user.
            LastAdminError: the user is the last admin.
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
        """Store a new credential, and delete the expired ones of the user.

        Raises:
            NotFoundError: no such user.
        """

    async def credential(self, secret_hash: str, now_ms: int) -> tuple[Credential, User] | None:
        """Return the valid credential with this hash and its user, None if there is none."""

    async def credentials(self, user_id: int, now_ms: int) -> Sequence[Credential]:
        """Return a user's valid credentials, newest first."""

    async def touch_credential(self, credential_id: int, now_ms: int) -> None:
        """Store the time at which a credential was used."""

    async def revoke_credential(self, secret_hash: str) -> None:
        """Revoke a credential at once; an unknown hash is ignored."""

    async def revoke_credentials(self, user_id: int, kept_id: int | None = None) -> int:
        """Revoke all credentials of a user but `kept_id`, and return how many."""
