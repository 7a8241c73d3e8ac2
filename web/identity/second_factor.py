"""Second factors: set up, checked at login, recovery codes renewed, turned off."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from model.clock import Clock
from model.limits import LimitName, Refusals
from storage.api.accounts import User
from storage.api.errors import TakenError
from storage.api.people.second_factors import SecondFactor, SecondFactorRecords
from web.http.errors import BadRequestError, ConflictError, TooManyRequestsError, UnauthorizedError
from web.identity.codes import (
    new_recovery_codes,
    new_secret,
    provisioning_uri,
    recovery_hash,
    step_of,
)
from web.identity.keys import KeyRing
from web.identity.throttle import FailureLimit

_GUESSES = 10
_WINDOW_MS = 15 * 60_000
"""Three of a million codes are valid at a time: 960 guesses a day find one in a year."""

WRONG_CODE: Final = "this code is wrong or was used before"


class SecondFactorNeededError(UnauthorizedError):
    """The password is right, but the second factor is missing."""

    def __init__(self, user: User) -> None:
        super().__init__("a second factor is needed: send its code as totp", "totp")
        self.user = user


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A secret for an authenticator app, as text and as the URI in the QR code."""

    secret: str
    uri: str


class SecondFactors:
    """Sets up, checks and removes the second factors of all users."""

    def __init__(
        self, records: SecondFactorRecords, keys: KeyRing, clock: Clock, refusals: Refusals
    ) -> None:
        self._records, self._keys, self._clock = records, keys, clock
        self._refusals = refusals
        # By user, not by address: an attacker who guesses codes has the password already.
        self._guesses = FailureLimit(_GUESSES, _WINDOW_MS)

    async def find(self, user: User) -> SecondFactor | None:
        """Return the user's second factor if it is confirmed."""
        found = await self._records.find(user.id)
        return found if found is not None and found.confirmed_ms is not None else None

    async def users(self) -> frozenset[int]:
        """Return the ids of the users with a second factor."""
        return await self._records.users()

    async def begin(self, user: User) -> Enrolment:
        """Create a secret, which has no effect until `confirm`.

        Raises:
            ConflictError: the user has a second factor.
        """
        secret = new_secret()
        await self._keys.ready()
        try:
            await self._records.begin(user.id, self._keys.seal(_purpose(user.id), secret))
        except TakenError as exc:
            raise ConflictError("the second factor is on; turn it off first") from exc
        return Enrolment(secret, provisioning_uri(secret, user.name))

    async def enrolment(self, user: User) -> Enrolment | None:
        """Return the unconfirmed secret of a user, None if there is none."""
        found = await self._records.find(user.id)
        if found is None or found.confirmed_ms is not None:
            return None
        await self._keys.ready()
        secret = self._keys.unseal(_purpose(user.id), found.sealed_secret)
        return Enrolment(secret, provisioning_uri(secret, user.name))

    async def confirm(self, user: User, code: str) -> tuple[str, ...]:
        """Turn the second factor on; return the recovery codes, of which only hashes are stored.

        Raises:
            ConflictError: there is no unconfirmed secret.
            BadRequestError: the code is wrong.
        """
        begun = await self.enrolment(user)
        if begun is None:
            raise ConflictError("no second factor is being set up")
        step = step_of(begun.secret, "".join(code.split()), self._clock())
        if step is None:
            raise BadRequestError("code: this is not the app's current code", "code")
        codes = new_recovery_codes()
        hashes = [recovery_hash(each) for each in codes]
        if not await self._records.confirm(user.id, step, hashes, self._clock()):
            raise ConflictError("no second factor is being set up")
        return codes

    async def check(self, user: User, factor: SecondFactor, code: str) -> str:
        """Use up a code of the app or a recovery code; return which of them it was.

        Raises:
            UnauthorizedError: the code is neither.
            TooManyRequestsError: too many wrong codes.
        """
        with self._guess(user):
            step = await self._step(factor, code)
            if step is not None:
                kind, right = "code", await self._records.use_step(user.id, step)
            else:
                kind = "recovery code"
                right = await self._records.use_recovery_code(user.id, recovery_hash(code))
            if not right:
                raise UnauthorizedError(WRONG_CODE, "totp")
        return kind

    async def renew_recovery_codes(self, user: User, code: str) -> tuple[str, ...]:
        """Use up a code of the app; return new recovery codes, which replace the old ones.

        Raises:
            ConflictError: the second factor is off.
            BadRequestError: the code is wrong or was used before.
            TooManyRequestsError: too many wrong codes.
        """
        factor = await self.find(user)
        if factor is None:
            raise ConflictError("the second factor is off")
        codes = new_recovery_codes()
        hashes = [recovery_hash(each) for each in codes]
        with self._guess(user):
            step = await self._step(factor, code)
            if step is None or not await self._records.renew_recovery_codes(user.id, step, hashes):
                raise BadRequestError(f"code: {WRONG_CODE}", "code")
        return codes

    @contextmanager
    def _guess(self, user: User) -> Iterator[None]:
        """Count the block as a wrong code, unless it ends without an error.

        Raises:
            TooManyRequestsError: too many wrong codes; the block does not run.
        """
        key, now_ms = str(user.id), self._clock()
        wait_ms = self._guesses.wait_ms(key, now_ms)
        if wait_ms:
            self._refusals.count(LimitName.LOGIN_FAILURES)
            raise TooManyRequestsError("too many wrong codes; try again later", -(-wait_ms // 1000))
        # Count before the check, so that parallel guesses gain nothing.
        self._guesses.count(key, now_ms)
        yield
        self._guesses.refund(key)

    async def _step(self, factor: SecondFactor, code: str) -> int | None:
        """Return the time step of a code of the app, None if it is invalid."""
        await self._keys.ready()
        secret = self._keys.unseal(_purpose(factor.user_id), factor.sealed_secret)
        return step_of(secret, "".join(code.split()), self._clock())

    async def turn_off(self, user: User) -> bool:
        """Remove the user's second factor; return False if there was none."""
        return await self._records.remove(user.id)


def _purpose(user_id: int) -> str:
    return f"second factor of user {user_id}"
