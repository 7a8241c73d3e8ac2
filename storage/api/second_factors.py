"""Second factors: the secrets that authenticator apps share with the server.

Secrets reach the store sealed, recovery codes as SHA-256 (hex).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """A user's authenticator.

    Attributes:
        sealed_secret: encrypted; who has the key is not the store's business.
        confirmed_ms: when a first code proved that it works; None until then, and
            nobody is asked for it until then.
        recovery_codes: how many are left.
    """

    user_id: int
    sealed_secret: str
    confirmed_ms: int | None
    recovery_codes: int = 0


class SecondFactorRecords(Protocol):
    """One authenticator a user at most; it goes with the user."""

    async def begin(self, user_id: int, sealed_secret: str) -> None:
        """Store a secret that is still to be confirmed, in place of one that never was.

        Raises:
            NotFoundError: no such user.
            TakenError: the user has a confirmed one.
        """

    async def find(self, user_id: int) -> SecondFactor | None:
        """Return a user's, None if there is none."""

    async def confirm(
        self, user_id: int, step: int, code_hashes: Collection[str], now_ms: int
    ) -> bool:
        """Let a secret count from now on, its code of a time step used up.

        Returns:
            False if there is nothing to confirm.
        """

    async def use_step(self, user_id: int, step: int) -> bool:
        """Use up the codes until a time step; False if that one is used up already."""

    async def renew_recovery_codes(
        self, user_id: int, step: int, code_hashes: Collection[str]
    ) -> bool:
        """Use up the codes until a time step, and put recovery codes in the place of the old.

        Returns:
            False if that step is used up already or nothing is confirmed; the old
            recovery codes count on.
        """

    async def use_recovery_code(self, user_id: int, code_hash: str) -> bool:
        """Use up a recovery code; False if there is no such code (any more)."""

    async def remove(self, user_id: int) -> bool:
        """Forget a user's secret and recovery codes; False if there was none."""

    async def users(self) -> frozenset[int]:
        """Return the users who have a confirmed one."""
