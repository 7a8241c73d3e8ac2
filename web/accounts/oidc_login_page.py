"""Sends browsers to the OpenID Connect provider, and logs them in when they come back."""

from typing import Final

from aiohttp import web

from web.http.errors import MissingError, WebError
from web.http.network import local_path
from web.http.rendering import Renderer
from web.http.routing import Access, Route, Surface, principal_of
from web.identity.credentials import Credentials
from web.identity.oidc.attempts import LIFETIME_S
from web.identity.oidc.login import CALLBACK, OidcLogin
from web.settings import WebSettings

START: Final = "/login/oidc"


class OidcLoginPages:
    """Handles the two requests of a login at the provider."""

    def __init__(
        self,
        renderer: Renderer,
        oidc: OidcLogin | None,
        issuer: Credentials,
        settings: WebSettings,
    ) -> None:
        self._renderer, self._oidc = renderer, oidc
        self._issuer, self._settings = issuer, settings
        # As for sessions: browsers accept `__Host-` over https only.
        self._cookie = "__Host-redshank_oidc" if settings.secure else "redshank_oidc"

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            Route("GET", START, self.begin, Access.PUBLIC, Surface.PAGE),
            Route("GET", CALLBACK, self.end, Access.PUBLIC, Surface.PAGE),
        )

    def _configured(self) -> OidcLogin:
        if self._oidc is None:
            raise MissingError("no login provider is configured (web.oidc)")
        return self._oidc

    async def begin(self, request: web.Request) -> web.Response:
        """Redirect the browser to the provider."""
        oidc = self._configured()
        target = local_path(request.query.get("next", "/"))
        if principal_of(request).user is not None:
            raise web.HTTPSeeOther(target)
        try:
            begun, address = await oidc.begin(request, target)
        except WebError as exc:
            return self._problem(request, exc, target)
        response = web.Response(status=303, headers={"Location": address})
        response.set_cookie(
            self._cookie,
            begun.sealed,
            max_age=LIFETIME_S,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self._settings.secure,
        )
        return response

    async def end(self, request: web.Request) -> web.Response:
        """Start a session for the user whom the provider's answer proves."""
        oidc = self._configured()
        try:
            user, target = await oidc.end(request, request.cookies.get(self._cookie, ""))
        except WebError as exc:
            response = self._problem(request, exc, "/")
        else:
            response = web.Response(status=303, headers={"Location": local_path(target)})
            await self._issuer.start_session(request, response, user)
        response.del_cookie(
            self._cookie,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self._settings.secure,
        )
        return response

    def _problem(self, request: web.Request, exc: WebError, target: str) -> web.Response:
        return self._renderer.page(
            request,
            "accounts/login_page.html",
            exc.status,
            target=target,
            name="",
            problem=exc.message,
            provider=None if self._oidc is None else self._oidc.oidc.title,
            local_login=self._settings.local_login,
        )
