"""Login by a proxy in front: it names the user in a header, and is believed.

Only for requests that come from `trusted_proxies` themselves; everybody else could
write the header too.
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
"""Whom the audit log names for users that a proxy made or changed."""


class ProxyLogin:
    """Finds or makes the user whom a trusted proxy names."""

    def __init__(self, accounts: AccountRecords, clock: Clock, settings: WebSettings) -> None:
        self._accounts, self._clock, self._settings = accounts, clock, settings

    def names_user(self, request: web.Request) -> bool:
        """Tell whether a trusted proxy names a user."""
        header = self._settings.trusted_header
        return (
            header is not None
            and is_trusted_proxy(request.remote or "", self._settings)
            and any(request.headers.getall(header, []))
        )

    async def user(self, request: web.Request) -> User | None:
        """Return the user, None where no proxy names one.

        Raises:
            UnauthorizedError: the proxy names several, or none that can be.
        """
        header = self._settings.trusted_header
        if header is None or not self.names_user(request):
            return None
        try:
            (given,) = request.headers.getall(header)
            name = _NAME.validate_python(given.encode("utf-8").decode("utf-8"))
        except (ValueError, ValidationError) as exc:
            raise UnauthorizedError(f"the proxy's header {header} names no user") from exc
        told = self._told_role(request)
        user = await self._accounts.user(name)
        if user is None:
            return await self._first_seen(request, name, told or self._settings.trusted_header_role)
        if told is not None and told is not user.role:
            return await self._other_role(request, user, told)
        return user

    def _told_role(self, request: web.Request) -> Role | None:
        header = self._settings.trusted_role_header
        values = request.headers.getall(header, []) if header else []
        try:
            return Role(values[0].strip().lower()) if len(values) == 1 else None
        except ValueError:
            return None

    async def _first_seen(self, request: web.Request, name: str, role: Role) -> User:
        try:
            # Without a password hash: nobody logs in as this user but by the proxy.
            user = await self._accounts.add_user(name, role, "", self._clock())
        except TakenError:
            # Another request of the same page was first.
            return await self._existing(name)
        add_note(request, AuditNote("user.add", name, {"role": role}, PROXY, even_if_refused=True))
        return user

    async def _other_role(self, request: web.Request, user: User, role: Role) -> User:
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
            raise UnauthorizedError(f"{name} was removed meanwhile")
        return user
