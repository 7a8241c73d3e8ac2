"""The own account (password, sessions, tokens) and, for admins, the users."""

from collections.abc import Mapping

from aiohttp import web
from pydantic import ValidationError

from storage.api.accounts import Role
from storage.api.errors import TakenError
from web.account_forms import PasswordForm, ResetForm, TokenForm, UserForm
from web.accounts.actions import AccountActions
from web.accounts.authentication import Authenticator
from web.accounts.passwords import SHORTEST
from web.errors import BadRequestError, TooManyRequestsError, faults
from web.pages.shell import Shell
from web.parameters import read_form, record_id
from web.routing import Access, Route, Surface, principal_of, user_of
from web.services import Services


class AccountPages:
    """Changes the own account and manages users."""

    def __init__(
        self,
        services: Services,
        shell: Shell,
        authenticator: Authenticator,
        actions: AccountActions,
    ) -> None:
        self._services, self._shell = services, shell
        self._authenticator, self._actions = authenticator, actions

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return tuple(
            Route(method, path, handler, access, Surface.PAGE)
            for method, path, handler, access in (
                ("GET", "/account", self.show, Access.USER),
                ("POST", "/account/password", self.change_password, Access.USER),
                ("POST", "/account/tokens", self.add_token, Access.USER),
                ("POST", "/account/credentials/{id}/revoke", self.revoke, Access.USER),
                ("GET", "/users", self.users, Access.ADMIN),
                ("POST", "/users", self.add_user, Access.ADMIN),
                ("POST", "/users/{name:[^/]+}/password", self.reset_password, Access.ADMIN),
                ("POST", "/users/{name:[^/]+}/remove", self.remove_user, Access.ADMIN),
            )
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the account."""
        return await self._account(request)

    async def _account(
        self,
        request: web.Request,
        status: int = 200,
        problems: Mapping[str, str] | None = None,
        token: str = "",
    ) -> web.Response:
        user, current = user_of(request), principal_of(request).credential
        return await self._shell.page(
            request,
            "account.html",
            status,
            credentials=await self._services.accounts.credentials(user.id, self._services.clock()),
            current_id=current.id if current else None,
            problems=problems or {},
            token=token,
            shortest=SHORTEST,
        )

    async def change_password(self, request: web.Request) -> web.Response:
        """Change the password and go on in a new session; all others end."""
        user, fields = user_of(request), await read_form(request)
        repeated = fields.pop("repeat_password", None)
        try:
            form = PasswordForm.model_validate(fields)
            if repeated is not None and repeated != form.new_password:
                return await self._account(
                    request, 400, {"repeat_password": "is not the same as above"}
                )
            await self._actions.change_own_password(request, user, form)
        except ValidationError as exc:
            return await self._account(request, 400, faults(exc))
        except (BadRequestError, TooManyRequestsError) as exc:
            problems = {exc.field or "current_password": exc.message}
            return await self._account(request, exc.status, problems)
        answer = web.Response(status=303, headers={"Location": "/account?notice=password-changed"})
        await self._authenticator.start_session(request, answer, user)
        return answer

    async def add_token(self, request: web.Request) -> web.Response:
        """Make a token and show it, this once."""
        try:
            form = TokenForm.model_validate(await read_form(request))
        except ValidationError as exc:
            return await self._account(request, 400, faults(exc))
        issued = await self._actions.issue_token(user_of(request), form)
        return await self._account(request, token=issued.secret)

    async def revoke(self, request: web.Request) -> web.Response:
        """End a session or token."""
        await self._actions.revoke(user_of(request), record_id(request))
        raise web.HTTPSeeOther("/account?notice=credential-revoked")

    async def users(self, request: web.Request) -> web.Response:
        """Show the users."""
        return await self._users(request)

    async def _users(
        self,
        request: web.Request,
        status: int = 200,
        problems: Mapping[str, str] | None = None,
        given: Mapping[str, str] | None = None,
    ) -> web.Response:
        return await self._shell.page(
            request,
            "users.html",
            status,
            users=await self._services.accounts.users(),
            roles=list(Role),
            problems=problems or {},
            given=given or {},
            shortest=SHORTEST,
        )

    async def add_user(self, request: web.Request) -> web.Response:
        """Add a user, or say at each field what is wrong with it."""
        fields = await read_form(request)
        try:
            await self._actions.add_user(UserForm.model_validate(fields))
        except ValidationError as exc:
            return await self._users(request, 400, faults(exc), fields)
        except TakenError:
            return await self._users(request, 409, {"name": "is taken"}, fields)
        raise web.HTTPSeeOther("/users?notice=user-added")

    async def reset_password(self, request: web.Request) -> web.Response:
        """Give a user another password."""
        name = request.match_info["name"]
        try:
            form = ResetForm(password=(await read_form(request)).get("password", ""))
        except ValidationError as exc:
            return await self._users(request, 400, {f"reset {name}": faults(exc)["password"]})
        await self._actions.reset_password(name, form.password)
        raise web.HTTPSeeOther("/users?notice=password-reset")

    async def remove_user(self, request: web.Request) -> web.Response:
        """Remove a user."""
        await self._actions.remove_user(request.match_info["name"], user_of(request))
        raise web.HTTPSeeOther("/users?notice=user-removed")
