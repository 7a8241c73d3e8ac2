"""Checks names, passwords and second factors, and limits failed attempts."""

from typing import Final

import structlog
from aiohttp import web

from model.clock import Clock
from model.limits import LimitName, Refusals
from storage.api.accounts import AccountRecords, User
from storage.api.audit import LOGIN_FAILED
from web.http.audit_trail import AuditNote, add_note
from web.http.errors import ForbiddenError, TooManyRequestsError, UnauthorizedError
from web.http.network import client_address
from web.http.routing import principal_of, route_name
from web.identity.devices import KnownDevices
from web.identity.keys import KeyRing
from web.identity.passwords import Passwords
from web.identity.second_factor import SecondFactorNeededError, SecondFactors
from web.identity.secret_hashes import secret_hash
from web.identity.throttle import FailureLimit, LoginAttempt, LoginThrottle
from web.settings import WebSettings

log = structlog.get_logger(__name__)

WRONG_LOGIN: Final = "wrong user name or password"
"""One message for both, so that it does not reveal which names exist."""

_REGISTRATIONS: Final = 10
_REGISTRATIONS_MS: Final = 60 * 60_000
"""One address may create this many accounts in an hour."""

_TICKET: Final = "redshank second factor"
_TICKET_S: Final = 300
"""The time for the second step of a login."""


class Logins:
    """Checks logins."""

    def __init__(
        self,
        accounts: AccountRecords,
        passwords: Passwords,
        second_factors: SecondFactors,
        devices: KnownDevices,
        keys: KeyRing,
        clock: Clock,
        settings: WebSettings,
        refusals: Refusals,
    ) -> None:
        self._accounts, self._passwords, self._clock = accounts, passwords, clock
        self._refusals = refusals
        self._devices = devices
        self._second_factors, self._keys, self._settings = second_factors, keys, settings
        self._throttle = LoginThrottle()
        self._registrations = FailureLimit(_REGISTRATIONS, _REGISTRATIONS_MS)

    async def check(self, request: web.Request, name: str, password: str, code: str) -> User:
        """Return the user with this name, password and second factor.

        `code` is of the authenticator app, or a recovery code; "" for none.

        Raises:
            SecondFactorNeededError: the user has a second factor, and `code` is "".
            UnauthorizedError: one of them is wrong.
            ForbiddenError: logins with a password are off.
            TooManyRequestsError: too many failed attempts.
            UnavailableError: too many logins at once.
        """
        if not self._settings.local_login:
            raise ForbiddenError("logins with a password are off; log in as the login page says")
        user = await self.check_password(request, name, password)
        await self._check_code(request, user, code)
        return user

    async def _check_code(self, request: web.Request, user: User, code: str) -> None:
        factor = await self._second_factors.find(user)
        if factor is None:
            return
        if not code:
            # The caller may sign a ticket that proves the password.
            await self._keys.ready()
            raise SecondFactorNeededError(user)
        try:
            kind = await self._second_factors.check(user, factor, code)
        except UnauthorizedError:
            self._record_failure(request, user, "second factor")
            raise
        if kind == "recovery code":
            used = AuditNote("second-factor.recovery-code", user.name, actor=user.name)
            add_note(request, used)

    def ticket(self, user: User) -> str:
        """Return a short-lived proof that the user's password was right."""
        claims = {"sub": user.name, "password": secret_hash(user.password_hash)}
        return self._keys.sign(claims, _TICKET, self._clock(), _TICKET_S)

    async def check_ticket(self, request: web.Request, ticket: str, code: str) -> User:
        """Return the user of a ticket after checking the code of the second factor.

        Raises:
            UnauthorizedError: the ticket is invalid (no `field`), or the code is wrong.
            TooManyRequestsError: too many wrong codes.
        """
        await self._keys.ready()
        claims = self._keys.claims(ticket, _TICKET, self._clock()) or {}
        user = await self._accounts.user(str(claims.get("sub", "")))
        # A new password must invalidate tickets that prove the old one.
        if user is None or claims.get("password") != secret_hash(user.password_hash):
            raise UnauthorizedError("this took too long; log in again")
        await self._check_code(request, user, code)
        return user

    def _record_failure(self, request: web.Request, user: User | None, reason: str) -> None:
        # Without the name typed: people type passwords into the wrong field.
        address = client_address(request, self._settings)
        log.warning("login_failed", address=address, known_user=user is not None, reason=reason)
        details = {"route": route_name(request), "wrong": reason}
        subject = user.name if user else "unknown user"
        add_note(request, AuditNote(LOGIN_FAILED, subject, details, even_if_refused=True))

    async def check_password(self, request: web.Request, name: str, password: str) -> User:
        """Return the user with this name and password.

        Raises:
            UnauthorizedError: the name or the password is wrong.
            TooManyRequestsError: too many failed attempts from this address or for this name.
            UnavailableError: too many logins at once.
        """
        user = await self._accounts.user(name)
        attempt = self._attempt(request, name, user)
        wait_ms = self._throttle.wait_ms(attempt, self._clock())
        if wait_ms:
            self._refusals.count(LimitName.LOGIN_FAILURES)
            wait_s = -(-wait_ms // 1000)
            wait = f"{wait_s} s" if wait_s < 60 else f"{-(-wait_s // 60)} min"
            raise TooManyRequestsError(f"too many failed logins; try again in {wait}", wait_s)
        self._throttle.begin(attempt, self._clock())
        stored = user.password_hash if user else None
        if not await self._passwords.verify(stored, password) or user is None:
            self._record_failure(request, user, "password")
            raise UnauthorizedError(WRONG_LOGIN, "password")
        self._throttle.succeed(attempt)
        return user

    def _attempt(self, request: web.Request, name: str, user: User | None) -> LoginAttempt:
        address = client_address(request, self._settings)
        if user is None:
            return LoginAttempt(name, address)
        principal = principal_of(request)
        if principal.user == user and principal.credential is not None:
            # The user confirms the password in a session, or renews a token.
            device: str | None = f"credential {principal.credential.id}"
        else:
            device = self._devices.find(request, user.id)
        return LoginAttempt(name, address, user.id, device)

    def count_registration(self, request: web.Request) -> None:
        """Count a registration; it limits the accounts and the names that an address can try.

        Raises:
            TooManyRequestsError: the address is over the limit.
        """
        address, now_ms = client_address(request, self._settings), self._clock()
        wait_ms = self._registrations.wait_ms(address, now_ms)
        if wait_ms:
            self._refusals.count(LimitName.LOGIN_FAILURES)
            raise TooManyRequestsError("too many new accounts from here", -(-wait_ms // 1000))
        self._registrations.count(address, now_ms)
