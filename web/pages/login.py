"""Login and logout."""

from aiohttp import web

from web.accounts.authentication import Authenticator
from web.errors import TooManyRequestsError, UnauthorizedError, UnavailableError
from web.network import local_path
from web.parameters import read_form
from web.rendering import Renderer
from web.routing import Access, Route, Surface, principal_of


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
                ("POST", "/logout", self.log_out),
            )
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the form; who is logged in goes on at once."""
        target = local_path(request.query.get("next", "/"))
        if principal_of(request).user is not None:
            raise web.HTTPSeeOther(target)
        return self._renderer.page(request, "login.html", target=target, name="", problem="")

    async def log_in(self, request: web.Request) -> web.Response:
        """Start a session and go on to where the visitor wanted."""
        form = await read_form(request)
        target = local_path(form.get("next", "/"))
        name, password = form.get("username", "")[:200], form.get("password", "")[:256]
        try:
            user = await self._authenticator.check_password(request, name, password)
        except (UnauthorizedError, TooManyRequestsError, UnavailableError) as exc:
            answer = self._renderer.page(
                request,
                "login.html",
                exc.status,
                target=target,
                name=name,
                problem=exc.message,
            )
            if isinstance(exc, TooManyRequestsError):
                answer.headers.update(exc.headers)
            return answer
        answer = web.Response(status=303, headers={"Location": target})
        await self._authenticator.start_session(request, answer, user)
        return answer

    async def log_out(self, request: web.Request) -> web.Response:
        """End the session."""
        answer = web.Response(status=303, headers={"Location": "/login"})
        await self._authenticator.end_session(request, answer)
        return answer
