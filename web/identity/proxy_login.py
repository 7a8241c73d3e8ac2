"""Login by a proxy in front of the server, which names the user in a header.

Only requests that come directly from `trusted_proxies` count: any other client could
send the header too.
"""

import structlog
from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from model.clock import Clock
from storage.api.accounts import AccountRecords, Role, User
from storage.api.errors import LastAdminError, TakenError
from web.http.audit_trail import AuditNote, add_note
from web.http.errors import UnauthorizedError
from web.http.network import is_trusted_proxy
from web.identity.names import UserName
from web.settings import WebSettings

log = structlog.get_logger(__name__)

_NAME: TypeAdapter[str] = TypeAdapter(UserName)
PROXY = "proxy"
"""The actor in the audit log for users that a proxy added or changed."""


class ProxyLogin:
    """Finds or adds the user whom a trusted proxy names."""

    def __init__(self, accounts: AccountRecords, clock: Clock, settings: WebSettings) -> None:
        self._accounts, self._clock, self._settings = accounts, clock, settings

    def names_user(self, request: web.Request) -> bool:
        """Report whether a trusted proxy names a user."""
        header = self._settings.trusted_header
        return (
            header is not None
            and is_trusted_proxy(request.remote or "", self._settings)
            and any(request.headers.getall(header, []))
        )

    async def user(self, request: web.Request) -> User | None:
        """Return the user whom a proxy names, None if none does.

        Raises:
            UnauthorizedError: the proxy names several users, or the name is invalid.
        """
        header = self._settings.trusted_header
        if header is None or not self.names_user(request):
            return None
        try:
            (given,) = request.headers.getall(header)
            name = _NAME.validate_python(given.encode("utf-8").decode("utf-8"))
        except (ValueError, ValidationError) as exc:
            raise UnauthorizedError(
                f"the proxy's header {header} must hold one valid user name"
            ) from exc
        role = self._named_role(request)
        user = await self._accounts.user(name)
        if user is None:
            return await self._add(request, name, role or self._settings.trusted_header_role)
        if role is not None and role is not user.role:
            return await self._set_role(request, user, role)
        return user

    def _named_role(self, request: web.Request) -> Role | None:
        header = self._settings.trusted_role_header
        values = request.headers.getall(header, []) if header else []
        try:
            return Role(values[0].strip().lower()) if len(values) == 1 else None
        except ValueError:
            return None

    async def _add(self, request: web.Request, name: str, role: Role) -> User:
        try:
            # Without a password hash, so that the user can log in through the proxy only.
            user = await self._accounts.add_user(name, role, "", self._clock())
        except TakenError:
            # A concurrent request of the same page added the user.
            return await self._existing(name)
        add_note(request, AuditNote("user.add", name, {"role": role}, PROXY, even_if_refused=True))
        return user

    async def _set_role(self, request: web.Request, user: User, role: Role) -> User:
        try:
            await self._accounts.set_role(user.name, role)
        except LastAdminError:
            log.warning("last_admin_kept", user=user.name, role=role)
            return user
        add_note(
            request, AuditNote("user.role", user.name, {"role": role}, PROXY, even_if_refused=True)
        )
        return await self._existing(user.name)

    async def _existing(self, name: str) -> User:
        user = await self._accounts.user(name)
        if user is None:
            raise UnauthorizedError(f"{name} was removed in the meantime")
        return user
