"""Sessions and tokens: made at login, looked up on every request, revocable."""

import secrets
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from model.clock import Clock
from storage.api.accounts import (
    FULL_SCOPES,
    AccountRecords,
    Credential,
    CredentialKind,
    Scope,
    User,
)
from storage.api.audit import LOGIN_FAILED
from web.http.audit_trail import Note, attach, storable
from web.http.errors import TooManyRequestsError, UnauthorizedError
from web.http.network import client_address, is_control_socket
from web.http.routing import COMMAND_LINE, Principal, principal_of, route_name
from web.identity.access_tokens import AccessToken, AccessTokens, is_signed
from web.identity.browsers import browser_name
from web.identity.keys import KeyRing
from web.identity.passwords import Passwords
from web.identity.proxy_login import ProxyLogin
from web.identity.second_factor import SecondFactorNeededError, SecondFactors
from web.identity.secret_hashes import secret_hash
from web.identity.throttle import FailureLimit, LoginThrottle
from web.identity.tokens import token_of
from web.settings import WebSettings

log = structlog.get_logger(__name__)

WRONG: Final = "wrong user name or password"
"""One sentence for both, so that nobody learns which names exist."""

_TOUCH_AFTER_MS = 60_000
"""`last_used_ms` is noted this often at most: each note is a write to disk."""

DAY_MS: Final = 86_400_000

_REGISTRATIONS: Final = 10
_REGISTRATIONS_MS: Final = 60 * 60_000
"""So many accounts are made from one address in an hour."""

_TICKET: Final = "redshank second factor"
_TICKET_S: Final = 300
"""How long the second step of a login may take."""


@dataclass(frozen=True, slots=True)
class IssuedCredential:
    """A new credential with its secret, which nobody can learn again."""

    secret: str
    credential: Credential


class Authenticator:
    """Answers who sends a request, and lets people in and out."""

    def __init__(
        self,
        accounts: AccountRecords,
        passwords: Passwords,
        second_factors: SecondFactors,
        keys: KeyRing,
        clock: Clock,
        settings: WebSettings,
    ) -> None:
        self._accounts, self._passwords, self._clock = accounts, passwords, clock
        self._second_factors, self._keys, self._settings = second_factors, keys, settings
        self._throttle = LoginThrottle()
        self._registrations = FailureLimit(_REGISTRATIONS, _REGISTRATIONS_MS)
        self._access_tokens = AccessTokens(accounts, keys, clock, settings.token_lifetime_s)
        self._proxy = ProxyLogin(accounts, clock, settings)

    @property
    def cookie_name(self) -> str:
        """The session cookie; browsers accept a `__Host-` one over https only."""
        return "__Host-redshank_session" if self._settings.secure else "redshank_session"

    async def principal(self, request: web.Request) -> Principal | None:
        """Return who sends a request, None if it carries no credential or a cookie that ended.

        Raises:
            UnauthorizedError: it carries a token that is not valid.
        """
        if is_control_socket(request):
            return COMMAND_LINE
        # First: proxies pass on what was sent to themselves, such as their own Basic login.
        if user := await self._proxy.user(request):
            return Principal(user, None)
        token = token_of(request.headers)
        if token is not None:
            found = await self._token(token)
            if found is None:
                raise UnauthorizedError("the token is unknown, expired or revoked")
            return found
        secret = request.cookies.get(self.cookie_name)
        return await self._find(secret, CredentialKind.SESSION) if secret else None

    def is_sent_unasked(self, request: web.Request) -> bool:
        """Tell whether browsers send the request's credential by themselves.

        Then another site's page can make one send it.
        """
        return (
            self.cookie_name in request.cookies
            or request.headers.get("Authorization", "").lower().startswith("basic")
            or self._proxy.names_user(request)
        )

    async def _token(self, token: str) -> Principal | None:
        if is_signed(token):
            found = await self._access_tokens.find(token)
            return None if found is None else await self._used(*found)
        return await self._find(token, CredentialKind.BEARER) if token else None

    async def _find(self, secret: str, kind: CredentialKind) -> Principal | None:
        found = await self._accounts.credential(secret_hash(secret), self._clock())
        if found is None or found[0].kind is not kind:
            return None
        return await self._used(*found)

    async def _used(self, credential: Credential, user: User) -> Principal:
        now_ms = self._clock()
        if now_ms - credential.last_used_ms >= _TOUCH_AFTER_MS:
            await self._accounts.touch_credential(credential.id, now_ms)
        return Principal(user, credential)

    async def check_login(self, request: web.Request, name: str, password: str, code: str) -> User:
        """Return the user whose name, password and second factor these are.

        The code is of the authenticator app or a recovery code, "" for none.

        Raises:
            SecondFactorNeededError: the user has a second factor, and no code was given.
            UnauthorizedError: they are wrong.
            TooManyRequestsError: too many failures.
            UnavailableError: too many logins at once.
        """
        user = await self.check_password(request, name, password)
        await self._check_code(request, user, code)
        return user

    async def _check_code(self, request: web.Request, user: User, code: str) -> None:
        factor = await self._second_factors.find(user)
        if factor is None:
            return
        if not code:
            # For the ticket that proves the password while the code is asked for.
            await self._keys.ready()
            raise SecondFactorNeededError(user)
        try:
            kind = await self._second_factors.check(user, factor, code)
        except UnauthorizedError:
            self._failed(request, user, "second factor")
            raise
        if kind == "recovery code":
            attach(request, Note("second-factor.recovery-code", user.name, actor=user.name))

    def ticket(self, user: User) -> str:
        """Return what proves for a while that the user's password was right."""
        claims = {"sub": user.name, "password": secret_hash(user.password_hash)}
        return self._keys.sign(claims, _TICKET, self._clock(), _TICKET_S)

    async def check_ticket(self, request: web.Request, ticket: str, code: str) -> User:
        """Return the user of a ticket, whose second factor the code is.

        Raises:
            UnauthorizedError: the ticket has ended (no field), or the code is wrong.
            TooManyRequestsError: too many wrong codes.
        """
        await self._keys.ready()
        claims = self._keys.claims(ticket, _TICKET, self._clock()) or {}
        user = await self._accounts.user(str(claims.get("sub", "")))
        # A password that was changed meanwhile was changed for a reason.
        if user is None or claims.get("password") != secret_hash(user.password_hash):
            raise UnauthorizedError("this took too long; log in again")
        await self._check_code(request, user, code)
        return user

    def _failed(self, request: web.Request, user: User | None, reason: str) -> None:
        # The name typed is left out: people type passwords into the wrong field.
        address = client_address(request, self._settings)
        log.warning("login_failed", address=address, known_user=user is not None, reason=reason)
        details = {"route": route_name(request), "wrong": reason}
        subject = user.name if user else "unknown user"
        attach(request, Note(LOGIN_FAILED, subject, details, even_if_refused=True))

    async def check_password(self, request: web.Request, name: str, password: str) -> User:
        """Return the user whose name and password these are.

        Raises:
            UnauthorizedError: they are wrong, whichever of the two.
            TooManyRequestsError: too many failures from this address.
            UnavailableError: too many logins at once.
        """
        address = client_address(request, self._settings)
        wait_ms = self._throttle.wait_ms(name, address, self._clock())
        if wait_ms:
            wait_s = -(-wait_ms // 1000)
            minutes = -(-wait_s // 60)
            raise TooManyRequestsError(
                f"too many failed logins; try again in {minutes} min", wait_s
            )
        self._throttle.attempt(name, address, self._clock())
        user = await self._accounts.user(name)
        stored = user.password_hash if user else None
        if not await self._passwords.verify(stored, password) or user is None:
            self._failed(request, user, "password")
            raise UnauthorizedError(WRONG, "password")
        self._throttle.succeed(name, address)
        return user

    def count_registration(self, request: web.Request) -> None:
        """Bound how many accounts one address makes, and how many names it tries.

        Raises:
            TooManyRequestsError: too many.
        """
        address, now_ms = client_address(request, self._settings), self._clock()
        wait_ms = self._registrations.wait_ms(address, now_ms)
        if wait_ms:
            raise TooManyRequestsError("too many new accounts from here", -(-wait_ms // 1000))
        self._registrations.count(address, now_ms)

    async def issue(
        self,
        user: User,
        kind: CredentialKind,
        label: str,
        lifetime_ms: int,
        scopes: frozenset[Scope] = FULL_SCOPES,
    ) -> IssuedCredential:
        """Make a session or token for a user."""
        secret = secrets.token_urlsafe(32)
        now_ms = self._clock()
        credential = await self._accounts.add_credential(
            user.id, kind, secret_hash(secret), label, now_ms, now_ms + lifetime_ms, scopes
        )
        return IssuedCredential(secret, credential)

    async def issue_access_token(
        self, request: web.Request, user: User, scopes: frozenset[Scope] = FULL_SCOPES
    ) -> AccessToken:
        """Make a JSON Web Token for a program that logged in."""
        issued = await self._access_tokens.issue(user, f"POST {route_name(request)}", scopes)
        attach(request, Note("token.login", user.name, actor=user.name))
        return issued

    async def start_session(
        self, request: web.Request, answer: web.StreamResponse, user: User
    ) -> None:
        """Log a user in on the browser that sent the request; its session before ends.

        The id is a new one always: one that somebody else has put there leads nowhere.
        """
        if before := request.cookies.get(self.cookie_name):
            await self._accounts.revoke_credential(secret_hash(before))
        days = self._settings.session_lifetime_days
        label = storable(browser_name(request.headers.get("User-Agent", "")))
        issued = await self.issue(user, CredentialKind.SESSION, label, days * DAY_MS)
        attach(request, Note("login", user.name, {"browser": label}, user.name))
        answer.set_cookie(
            self.cookie_name,
            issued.secret,
            max_age=days * 86_400,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self._settings.secure,
        )

    async def end_session(self, request: web.Request, answer: web.StreamResponse) -> None:
        """Log the request's browser out."""
        secret = request.cookies.get(self.cookie_name)
        if secret:
            await self._accounts.revoke_credential(secret_hash(secret))
            if user := principal_of(request).user:
                attach(request, Note("logout", user.name))
        answer.del_cookie(
            self.cookie_name,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self._settings.secure,
        )
