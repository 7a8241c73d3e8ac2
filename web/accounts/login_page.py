"""The login pages, and logout."""

from aiohttp import web

from storage.api.accounts import User
from web.http.errors import (
    ForbiddenError,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
)
from web.http.network import local_path
from web.http.parameters import read_form
from web.http.rendering import Renderer
from web.http.routing import Access, Route, Surface, principal_of
from web.identity.credentials import Credentials
from web.identity.login import Logins
from web.identity.second_factor import SecondFactorNeededError
from web.settings import WebSettings


class LoginPages:
    """Logs browsers in and out."""

    def __init__(
        self, renderer: Renderer, logins: Logins, issuer: Credentials, settings: WebSettings
    ) -> None:
        self._renderer, self._logins, self._issuer = renderer, logins, issuer
        self._settings = settings

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return tuple(
            Route(method, path, handler, Access.PUBLIC, Surface.PAGE)
            for method, path, handler in (
                ("GET", "/login", self.show),
                ("POST", "/login", self.log_in),
                ("POST", "/login/code", self.enter_code),
                ("POST", "/logout", self.log_out),
            )
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the form; redirect a browser that is logged in."""
        target = local_path(request.query.get("next", "/"))
        if principal_of(request).user is not None:
            raise web.HTTPSeeOther(target)
        return self._login_page(request, 200, target)

    def _login_page(
        self, request: web.Request, status: int, target: str, name: str = "", problem: str = ""
    ) -> web.Response:
        oidc = self._settings.oidc
        return self._renderer.page(
            request,
            "accounts/login_page.html",
            status,
            target=target,
            name=name,
            problem=problem,
            provider=None if oidc is None else oidc.title,
            local_login=self._settings.local_login,
        )

    async def log_in(self, request: web.Request) -> web.Response:
        """Start a session and redirect to the page that the visitor wanted."""
        form = await read_form(request)
        target = local_path(form.get("next", "/"))
        name, password = form.get("username", "")[:200], form.get("password", "")[:256]
        try:
            user = await self._logins.check(request, name, password, "")
        except SecondFactorNeededError as exc:
            ticket = self._logins.ticket(exc.user)
            return self._code_page(request, 200, target, ticket, "")
        except (
            UnauthorizedError,
            ForbiddenError,
            TooManyRequestsError,
            UnavailableError,
        ) as exc:
            response = self._login_page(request, exc.status, target, name, exc.message)
            if isinstance(exc, TooManyRequestsError):
                response.headers.update(exc.headers)
            return response
        return await self._start_session(request, user, target)

    async def enter_code(self, request: web.Request) -> web.Response:
        """Start a session after the second step, the code of the second factor."""
        form = await read_form(request)
        target, ticket = local_path(form.get("next", "/")), form.get("ticket", "")
        # An empty code would skip the check of the second factor.
        code = form.get("code", "")[:64].strip() or "-"
        try:
            user = await self._logins.check_ticket(request, ticket, code)
        except (UnauthorizedError, TooManyRequestsError) as exc:
            if exc.field is None and isinstance(exc, UnauthorizedError):
                return self._login_page(request, exc.status, target, problem=exc.message)
            response = self._code_page(request, exc.status, target, ticket, exc.message)
            if isinstance(exc, TooManyRequestsError):
                response.headers.update(exc.headers)
            return response
        return await self._start_session(request, user, target)

    def _code_page(
        self, request: web.Request, status: int, target: str, ticket: str, problem: str
    ) -> web.Response:
        return self._renderer.page(
            request,
            "accounts/login_code_page.html",
            status,
            target=target,
            ticket=ticket,
            problem=problem,
        )

    async def _start_session(self, request: web.Request, user: User, target: str) -> web.Response:
        response = web.Response(status=303, headers={"Location": target})
        await self._issuer.start_session(request, response, user)
        return response

    async def log_out(self, request: web.Request) -> web.Response:
        """End the session."""
        response = web.Response(status=303, headers={"Location": "/login"})
        await self._issuer.end_session(request, response)
        return response
