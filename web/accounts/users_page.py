"""The pages of all users and of one user, for admins."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from aiohttp import web
from pydantic import ValidationError

from storage.api.accounts import AccountRecords, Role
from storage.api.errors import LastAdminError, TakenError
from web.accounts.actions import AccountActions
from web.accounts.forms import ResetForm, RoleForm, UserForm
from web.http.errors import BadRequestError
from web.http.pages import Page
from web.http.parameters import read_form, record_id
from web.http.routing import Access, Route, Surface, principal_of, user_of
from web.http.validation import field_errors
from web.identity.passwords import SHORTEST
from web.identity.second_factor import SecondFactors
from web.live.shell import Shell

_USER: Final = "/users/{name:[^/]+}"


USERS: Final = Page(
    path="/users",
    title="Users",
    template="accounts/users_page.html",
    access=Access.ADMIN,
    position=60,
    notices={"user-added": "The user is added.", "user-removed": "The user is removed."},
)
USER: Final = Page(
    path=_USER,
    title="User",
    template="accounts/user_page.html",
    access=Access.ADMIN,
    parent="/users",
    notices={
        "credential-revoked": "Revoked.",
        "all-revoked": "All sessions and tokens of the user are revoked.",
        "second-factor-off": "The second factor is off.",
        "role-changed": "The role is changed.",
        "password-reset": "The password is reset; the user's sessions and tokens have ended.",
    },
)


class UsersPages:
    """Shows users, and adds, changes and removes them."""

    def __init__(
        self,
        accounts: AccountRecords,
        shell: Shell,
        second_factors: SecondFactors,
        actions: AccountActions,
    ) -> None:
        self._accounts, self._shell = accounts, shell
        self._second_factors, self._actions = second_factors, actions

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        forms = tuple(
            Route(method, path, handler, Access.ADMIN, Surface.PAGE)
            for method, path, handler in (
                ("POST", "/users", self.add_user),
                ("POST", f"{_USER}/role", self.set_role),
                ("POST", f"{_USER}/password", self.reset_password),
                ("POST", f"{_USER}/second-factor/off", self.reset_second_factor),
                ("POST", f"{_USER}/credentials/revoke-all", self.revoke_all),
                ("POST", f"{_USER}/credentials/{{id}}/revoke", self.revoke),
                ("POST", f"{_USER}/remove", self.remove_user),
            )
        )
        return (
            self._shell.route(USERS, self.users),
            self._shell.route(USER, self.user),
            *forms,
        )

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
            USERS,
            status,
            users=await self._accounts.users(),
            with_second_factor=await self._second_factors.users(),
            roles=list(Role),
            problems=problems or {},
            given=given or {},
            shortest=SHORTEST,
        )

    async def user(self, request: web.Request) -> web.Response:
        """Show one user."""
        return await self._user(request)

    async def _user(
        self, request: web.Request, status: int = 200, problems: Mapping[str, str] | None = None
    ) -> web.Response:
        user = await self._actions.user(request.match_info["name"])
        current = principal_of(request).credential
        return await self._shell.page(
            request,
            USER,
            status,
            user=user,
            credentials=await self._actions.credentials(user),
            current_id=current.id if current else None,
            second_factor=await self._second_factors.find(user),
            roles=list(Role),
            problems=problems or {},
            shortest=SHORTEST,
        )

    async def add_user(self, request: web.Request) -> web.Response:
        """Add a user, or show the form again with a message at each invalid field."""
        fields = await read_form(request)
        try:
            await self._actions.add_user(request, UserForm.model_validate(fields))
        except ValidationError as exc:
            return await self._users(request, 400, field_errors(exc), fields)
        except TakenError:
            return await self._users(request, 409, {"name": "is taken"}, fields)
        raise web.HTTPSeeOther("/users?notice=user-added")

    async def set_role(self, request: web.Request) -> web.Response:
        """Give a user another role."""
        try:
            form = RoleForm(role=Role((await read_form(request)).get("role", "")))
        except ValueError:
            return await self._user(request, 400, {"role": "must be one of these"})
        try:
            await self._actions.set_role(request, request.match_info["name"], form.role)
        except LastAdminError:
            return await self._user(request, 409, {"role": "This is the last admin."})
        raise _back(request, "role-changed")

    async def reset_password(self, request: web.Request) -> web.Response:
        """Give a user another password."""
        try:
            form = ResetForm(password=(await read_form(request)).get("password", ""))
            await self._actions.reset_password(request, request.match_info["name"], form.password)
        except ValidationError as exc:
            return await self._user(request, 400, field_errors(exc))
        except BadRequestError as exc:
            return await self._user(request, 400, {"password": exc.message})
        raise _back(request, "password-reset")

    async def reset_second_factor(self, request: web.Request) -> web.Response:
        """Turn a user's second factor off."""
        await self._actions.reset_second_factor(request, request.match_info["name"])
        raise _back(request, "second-factor-off")

    async def revoke(self, request: web.Request) -> web.Response:
        """End one of a user's sessions or tokens."""
        user = await self._actions.user(request.match_info["name"])
        await self._actions.revoke(request, user, record_id(request))
        raise _back(request, "credential-revoked")

    async def revoke_all(self, request: web.Request) -> web.Response:
        """End all of a user's sessions and tokens."""
        user = await self._actions.user(request.match_info["name"])
        await self._actions.revoke_all(request, user)
        raise _back(request, "all-revoked")

    async def remove_user(self, request: web.Request) -> web.Response:
        """Remove a user."""
        await self._actions.remove_user(request, request.match_info["name"], user_of(request))
        raise web.HTTPSeeOther("/users?notice=user-removed")


def _back(request: web.Request, notice: str) -> web.HTTPSeeOther:
    name = quote(request.match_info["name"], safe="")
    return web.HTTPSeeOther(f"/users/{name}?notice={notice}")
