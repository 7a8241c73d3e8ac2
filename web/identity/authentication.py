"""Identifies the sender of a request by control socket, proxy header, token or session."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from analytics.requests.keys import PREFIX, ProjectKeyring
from model.clock import Clock
from model.web_config.live import LiveWebConfig
from storage.api.accounts import AccountRecords, Credential, CredentialKind, User
from web.http.errors import UnauthorizedError
from web.http.network import is_control_socket
from web.http.routing import COMMAND_LINE, KeyHolder, Principal
from web.identity.access_tokens import AccessTokens, is_signed
from web.identity.credentials import session_cookie
from web.identity.file_users import FileUsers
from web.identity.proxy_login import ProxyLogin
from web.identity.secret_hashes import secret_hash
from web.identity.tokens import token_of
from web.settings import WebSettings

_TOUCH_AFTER_MS: Final = 60_000
"""`last_used_ms` is updated at most this often: each update is a write to disk."""


class Authenticator:
    """Identifies the sender of a request."""

    def __init__(
        self,
        accounts: AccountRecords,
        access_tokens: AccessTokens,
        clock: Clock,
        settings: WebSettings,
        web_config: LiveWebConfig | None = None,
        project_keys: ProjectKeyring | None = None,
    ) -> None:
        self._accounts, self._access_tokens, self._clock = accounts, access_tokens, clock
        self._project_keys = project_keys
        self._cookie_name = session_cookie(settings)
        self._idle_ms = settings.session_idle_days * 86_400_000
        self._proxy = ProxyLogin(accounts, clock, settings)
        self._file_users = None if web_config is None else FileUsers(web_config)

    async def principal(self, request: web.Request) -> Principal | None:
        """Return the sender, None without a credential or with a session that ended.

        Raises:
            UnauthorizedError: the request carries an invalid token.
        """
        if is_control_socket(request):
            return COMMAND_LINE
        # Before the token: proxies forward credentials meant for themselves, such as Basic.
        if user := await self._proxy.user(request):
            return Principal(user, None)
        if self._file_users is not None and (known := await self._file_users.find(request)):
            return known
        if (found := await self.of_headers(request.headers)) is not None:
            return found
        secret = request.cookies.get(self._cookie_name)
        return await self._find(secret, CredentialKind.SESSION) if secret else None

    async def of_headers(self, headers: Mapping[str, str]) -> Principal | None:
        """Return the sender of a token, None without one.

        Args:
            headers: names are compared without case.

        Raises:
            UnauthorizedError: the token is invalid.
        """
        token = token_of(headers)
        if token is None:
            return None
        found = await self._token(token)
        if found is None:
            raise UnauthorizedError("the token is unknown, expired or revoked")
        return found

    def is_sent_by_browser(self, request: web.Request) -> bool:
        """Report whether browsers add the request's credential by themselves.

        Then a page of another site could make a browser send the request.
        """
        return (
            self._cookie_name in request.cookies
            or request.headers.get("Authorization", "").lower().startswith("basic")
            or self._proxy.names_user(request)
        )

    async def _token(self, token: str) -> Principal | None:
        if self._project_keys is not None and token.startswith(PREFIX):
            key = await self._project_keys.find(token)
            return None if key is None else Principal(None, None, KeyHolder(key[0].id, key[1]))
        if is_signed(token):
            found = await self._access_tokens.find(token)
            return None if found is None else await self._used(*found)
        return await self._find(token, CredentialKind.BEARER) if token else None

    async def _find(self, secret: str, kind: CredentialKind) -> Principal | None:
        found = await self._accounts.credential(secret_hash(secret), self._clock())
        if found is None or found[0].kind is not kind:
            return None
        # `last_used_ms` is up to a minute behind.
        unused_ms = self._clock() - found[0].last_used_ms
        if kind is CredentialKind.SESSION and unused_ms >= self._idle_ms:
            return None
        return await self._used(*found)

    async def _used(self, credential: Credential, user: User) -> Principal:
        now_ms = self._clock()
        if now_ms - credential.last_used_ms >= _TOUCH_AFTER_MS:
            await self._accounts.touch_credential(credential.id, now_ms)
        return Principal(user, credential)
