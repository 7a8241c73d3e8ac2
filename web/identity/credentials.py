"""Issues sessions and tokens, and ends sessions."""

import secrets
from dataclasses import dataclass
from typing import Final

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
from web.http.audit_trail import AuditNote, add_note, storable
from web.http.routing import principal_of, route_name
from web.identity.access_tokens import AccessToken, AccessTokens
from web.identity.browsers import browser_name
from web.identity.devices import KnownDevices
from web.identity.secret_hashes import secret_hash
from web.settings import WebSettings

DAY_MS: Final = 86_400_000


def session_cookie(settings: WebSettings) -> str:
    """Return the name of the session cookie; browsers accept `__Host-` over https only."""
    return "__Host-redshank_session" if settings.secure else "redshank_session"


@dataclass(frozen=True, slots=True)
class IssuedCredential:
    """A new credential with its secret, of which only a hash is stored."""

    secret: str
    credential: Credential


class Credentials:
    """Issues credentials to users."""

    def __init__(
        self,
        accounts: AccountRecords,
        access_tokens: AccessTokens,
        devices: KnownDevices,
        clock: Clock,
        settings: WebSettings,
    ) -> None:
        self._accounts, self._access_tokens, self._clock = accounts, access_tokens, clock
        self._devices = devices
        self._settings, self._cookie_name = settings, session_cookie(settings)

    async def issue(
        self,
        user: User,
        kind: CredentialKind,
        label: str,
        lifetime_ms: int,
        scopes: frozenset[Scope] = FULL_SCOPES,
    ) -> IssuedCredential:
        """Create a session or token of a user."""
        secret = secrets.token_urlsafe(32)
        now_ms = self._clock()
        credential = await self._accounts.add_credential(
            user.id, kind, secret_hash(secret), label, now_ms, now_ms + lifetime_ms, scopes
        )
        return IssuedCredential(secret, credential)

    async def issue_access_token(
        self, request: web.Request, user: User, scopes: frozenset[Scope] = FULL_SCOPES
    ) -> AccessToken:
        """Create a JSON Web Token for a program that logged in."""
        issued = await self._access_tokens.issue(user, f"POST {route_name(request)}", scopes)
        add_note(request, AuditNote("token.login", user.name, actor=user.name))
        return issued

    async def start_session(
        self, request: web.Request, response: web.StreamResponse, user: User
    ) -> None:
        """Log a user in on the browser that sent the request; its old session ends.

        The session id is always new, so that nobody can plant a known one beforehand.
        """
        if before := request.cookies.get(self._cookie_name):
            await self._accounts.revoke_credential(secret_hash(before))
        days = self._settings.session_lifetime_days
        label = storable(browser_name(request.headers.get("User-Agent", "")))
        issued = await self.issue(user, CredentialKind.SESSION, label, days * DAY_MS)
        add_note(request, AuditNote("login", user.name, {"browser": label}, user.name))
        response.set_cookie(
            self._cookie_name,
            issued.secret,
            max_age=days * 86_400,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self._settings.secure,
        )
        self._devices.mark(response, user)

    async def end_session(self, request: web.Request, response: web.StreamResponse) -> None:
        """Log out the browser that sent the request."""
        secret = request.cookies.get(self._cookie_name)
        if secret:
            await self._accounts.revoke_credential(secret_hash(secret))
            if user := principal_of(request).user:
                add_note(request, AuditNote("logout", user.name))
        # Pages are never cached, but scripts and styles are.
        response.headers["Clear-Site-Data"] = '"cache"'
        response.del_cookie(
            self._cookie_name,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self._settings.secure,
        )
