"""Sessions and bearer tokens: made at login, looked up on every request, revocable."""

import hashlib
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
from web.accounts.browsers import browser_name
from web.accounts.passwords import Passwords
from web.accounts.throttle import LoginThrottle
from web.accounts.tokens import token_of
from web.errors import TooManyRequestsError, UnauthorizedError
from web.network import client_address, is_control_socket
from web.routing import COMMAND_LINE, Principal
from web.settings import WebSettings

log = structlog.get_logger(__name__)

WRONG: Final = "wrong user name or password"
"""One sentence for both, so that nobody learns which names exist."""

_TOUCH_AFTER_MS = 60_000
"""`last_used_ms` is noted this often at most: each note is a write to disk."""

DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class IssuedCredential:
    """A new credential with its secret, which nobody can learn again."""

    secret: str
    credential: Credential


def secret_hash(secret: str) -> str:
    """Return what is stored of a secret.

    A plain hash is enough: the secret has 256 random bits, there is nothing to guess.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


class Authenticator:
    """Answers who sends a request, and lets people in and out."""

    def __init__(
        self, accounts: AccountRecords, passwords: Passwords, clock: Clock, settings: WebSettings
    ) -> None:
        self._accounts, self._passwords, self._clock = accounts, passwords, clock
        self._settings = settings
        self._throttle = LoginThrottle()

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
        token = token_of(request.headers)
        if token is not None:
            found = await self._find(token, CredentialKind.BEARER) if token else None
            if found is None:
                raise UnauthorizedError("the token is unknown, expired or revoked")
            return found
        secret = request.cookies.get(self.cookie_name)
        return await self._find(secret, CredentialKind.SESSION) if secret else None

    async def _find(self, secret: str, kind: CredentialKind) -> Principal | None:
        now_ms = self._clock()
        found = await self._accounts.credential(secret_hash(secret), now_ms)
        if found is None or found[0].kind is not kind:
            return None
        credential, user = found
        if now_ms - credential.last_used_ms >= _TOUCH_AFTER_MS:
            await self._accounts.touch_credential(credential.id, now_ms)
        return Principal(user, credential)

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
            # The name is left out: people type passwords into the wrong field.
            log.warning("login_failed", address=address, known_user=user is not None)
            raise UnauthorizedError(WRONG, "password")
        self._throttle.succeed(name, address)
        return user

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

    async def start_session(
        self, request: web.Request, answer: web.StreamResponse, user: User
    ) -> None:
        """Log a user in on the browser that sent the request."""
        days = self._settings.session_lifetime_days
        label = browser_name(request.headers.get("User-Agent", ""))
        issued = await self.issue(user, CredentialKind.SESSION, label, days * DAY_MS)
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
        answer.del_cookie(
            self.cookie_name,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self._settings.secure,
        )
