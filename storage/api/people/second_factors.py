"""Second factors: the secrets that authenticator apps share with the server.

The store gets the secrets encrypted, and recovery codes as SHA-256 in hex.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """A user's authenticator.

    Attributes:
        sealed_secret: the encrypted secret; the store does not have the key.
        confirmed_ms: when the user entered a first valid code. None before that: a login
            does not ask for an unconfirmed factor.
        recovery_codes: the number of unused recovery codes.
    """

    user_id: int
    sealed_secret: str
    confirmed_ms: int | None
    recovery_codes: int = 0


class SecondFactorRecords(Protocol):
    """At most one second factor for each user; removed together with the user."""

    async def begin(self, user_id: int, sealed_secret: str) -> None:
        """Store an unconfirmed secret, in place of an earlier unconfirmed one.

        Raises:
            NotFoundError: no such user.
            TakenError: the user has a confirmed second factor.
        """

    async def find(self, user_id: int) -> SecondFactor | None:
        """Return the second factor of a user, None if there is none."""

    async def confirm(
        self, user_id: int, step: int, code_hashes: Collection[str], now_ms: int
    ) -> bool:
        """Confirm a user's secret with the code of a time step, which is thereby used.

        Returns:
            False if there is no unconfirmed secret.
        """

    async def use_step(self, user_id: int, step: int) -> bool:
        """Mark the codes up to a time step as used; return False if that one already is."""

    async def renew_recovery_codes(
        self, user_id: int, step: int, code_hashes: Collection[str]
    ) -> bool:
        """Mark the codes up to a time step as used, and replace the recovery codes.

        Returns:
            False if that step is already used or the factor is not confirmed; the old
            recovery codes then stay valid.
        """

    async def use_recovery_code(self, user_id: int, code_hash: str) -> bool:
        """Delete a recovery code; return False if there is no such code."""

    async def remove(self, user_id: int) -> bool:
        """Delete a user's secret and recovery codes; return False if there was none."""

    async def users(self) -> frozenset[int]:
        """Return the ids of the users with a confirmed second factor."""
