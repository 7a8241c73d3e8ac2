"""Identities of users at an OpenID Connect provider."""

from dataclasses import dataclass
from typing import Protocol

from storage.api.accounts import User


@dataclass(frozen=True, slots=True)
class ExternalIdentity:
    """A user of a provider: `subject` is unique within `issuer`, and never changes."""

    issuer: str
    subject: str


class ExternalIdentityRecords(Protocol):
    """Records of the identities of users at a provider."""

    async def find(self, identity: ExternalIdentity) -> User | None:
        """Return the user with this identity, None if there is none."""

    async def link(self, user_id: int, identity: ExternalIdentity) -> None:
        """Give a user an identity, which no other user has.

        Raises:
            NotFoundError: no such user.
            TakenError: another user has the identity.
        """
