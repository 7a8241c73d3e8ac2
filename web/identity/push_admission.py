"""Admits pushes that do not arrive as HTTP requests of the application, such as over gRPC."""

from collections.abc import Iterable, Mapping
from typing import Final

from aiohttp import web

from web.http.bodies import BodyPolicy
from web.http.errors import ForbiddenError, UnauthorizedError
from web.http.network import last_untrusted_hop
from web.http.quotas import Holder, Quotas, quota_key
from web.http.routing import Access, Principal
from web.identity.authentication import Authenticator
from web.settings import WebSettings


class PushAdmission:
    """Admits pushes by the tokens and quotas of the routes that take pushes.

    Args:
        authenticator: finds the user of a token.
        quotas: of the routes that take pushes.
        bodies: how long a body may take, and whether memory has room for it.
        settings: which proxies are trusted.

    Attributes:
        bodies: as above.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        quotas: Quotas,
        bodies: BodyPolicy,
        settings: WebSettings,
    ) -> None:
        self._authenticator, self._quotas, self._settings = authenticator, quotas, settings
        self.bodies = bodies

    async def sender(
        self, address: str, headers: Mapping[str, str], forwarded: Iterable[str] = ()
    ) -> Principal:
        """Return the sender of a push.

        Args:
            address: of the connection's other end.
            headers: they hold the token; names are compared without case.
            forwarded: the values of `X-Forwarded-For`.

        Raises:
            UnauthorizedError: the headers have no valid token.
            ForbiddenError: the token may not push.
            TooManyRequestsError: the address or the key has used up its quota.
        """
        hop = last_untrusted_hop(address, forwarded, self._settings)
        self._quotas.take(Holder.ADDRESS, hop)
        principal = await self._authenticator.of_headers(headers)
        if principal is None or principal.user is None:
            raise UnauthorizedError("send a token in the metadata authorization or x-api-key")
        if not principal.may(Access.PUSH):
            raise ForbiddenError("this token may not push: it needs the scope push")
        self._quotas.take(Holder.KEY, quota_key(principal))
        return principal


PUSH_ADMISSION: Final = web.AppKey("push_admission", PushAdmission)
