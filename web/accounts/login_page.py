"""Login and logout."""

from aiohttp import web

from storage.api.accounts import User
from web.http.errors import TooManyRequestsError, UnauthorizedError, UnavailableError
from web.http.network import local_path
from web.http.parameters import read_form
from web.http.rendering import Renderer
from web.http.routing import Access, Route, Surface, principal_of
from web.identity.authentication import Authenticator
from web.identity.second_factor import SecondFactorNeededError


class LoginPages:
    """Lets people in and out."""

    def __init__(self, renderer: Renderer, authenticator: Authenticator) -> None:
        self._renderer, self._authenticator = renderer, authenticator

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
        """Show the form; who is logged in goes on at once."""
        target = local_path(request.query.get("next", "/"))
        if principal_of(request).user is not None:
            raise web.HTTPSeeOther(target)
        return self._renderer.page(
            request, "accounts/login_page.html", target=target, name="", problem=""
        )

    async def log_in(self, request: web.Request) -> web.Response:
        """Start a session and go on to where the visitor wanted."""
        form = await read_form(request)
        target = local_path(form.get("next", "/"))
        name, password = form.get("username", "")[:200], form.get("password", "")[:256]
        try:
            user = await self._authenticator.check_login(request, name, password, "")
        except SecondFactorNeededError as exc:
            ticket = self._authenticator.ticket(exc.user)
            return self._code_page(request, 200, target, ticket, "")
        except (UnauthorizedError, TooManyRequestsError, UnavailableError) as exc:
            answer = self._renderer.page(
                request,
                "accounts/login_page.html",
                exc.status,
                target=target,
                name=name,
                problem=exc.message,
            )
            if isinstance(exc, TooManyRequestsError):
                answer.headers.update(exc.headers)
            return answer
        return await self._let_in(request, user, target)

    async def enter_code(self, request: web.Request) -> web.Response:
        """Start the session of whoever gave the password and now a code."""
        form = await read_form(request)
        target, ticket = local_path(form.get("next", "/")), form.get("ticket", "")
        # Without a code the ticket alone must not do.
        code = form.get("code", "")[:64].strip() or "-"
        try:
            user = await self._authenticator.check_ticket(request, ticket, code)
        except (UnauthorizedError, TooManyRequestsError) as exc:
            if exc.field is None and isinstance(exc, UnauthorizedError):
                return self._renderer.page(
                    request,
                    "accounts/login_page.html",
                    exc.status,
                    target=target,
                    name="",
                    problem=exc.message,
                )
            answer = self._code_page(request, exc.status, target, ticket, exc.message)
            if isinstance(exc, TooManyRequestsError):
                answer.headers.update(exc.headers)
            return answer
        return await self._let_in(request, user, target)

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

    async def _let_in(self, request: web.Request, user: User, target: str) -> web.Response:
        answer = web.Response(status=303, headers={"Location": target})
        await self._authenticator.start_session(request, answer, user)
        return answer

    async def log_out(self, request: web.Request) -> web.Response:
        """End the session."""
        answer = web.Response(status=303, headers={"Location": "/login"})
        await self._authenticator.end_session(request, answer)
        return answer
