"""`/api/users`: users, their roles, sessions and tokens, for admins."""

from typing import Final

from aiohttp import web

from storage.api.accounts import AccountRecords, User
from web.accounts.actions import AccountActions
from web.accounts.documents import (
    CredentialsDocument,
    EndedDocument,
    NewTokenDocument,
    UserDocument,
    UsersDocument,
    credential_document,
    user_document,
)
from web.accounts.forms import ResetForm, RoleForm, TokenForm, UserForm
from web.http.operations import Operation
from web.http.parameters import Parameters, RecordId, read_json, read_path
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes, principal_of, user_of

_USER: Final = "/api/users/{name:[^/]+}"


class UserCredentialPath(Parameters):
    """The path parameters of one of a user's sessions or tokens."""

    name: str
    id: RecordId


class UsersApi:
    """Users as JSON."""

    def __init__(self, accounts: AccountRecords, actions: AccountActions) -> None:
        self._accounts, self._actions = accounts, actions

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        tag = "accounts"
        users = Operation(tag, UsersDocument)
        new_user = Operation(tag, UserDocument, UserForm, status=201, errors=(409, 503))
        password = Operation(tag, None, ResetForm, status=204, errors=(404, 503))
        removed = Operation(tag, status=204, errors=(404, 409))
        role = Operation(tag, None, RoleForm, status=204, errors=(404, 409))
        listed = Operation(tag, CredentialsDocument, errors=(404,))
        ended = Operation(tag, EndedDocument, errors=(404,))
        revoked = Operation(tag, path=UserCredentialPath, status=204, errors=(404,))
        token = Operation(tag, NewTokenDocument, TokenForm, status=201, errors=(404,))
        reset = Operation(tag, status=204, errors=(404,))
        admin = Access.ADMIN
        return json_routes(
            ("GET", "/api/users", self.users, admin, users),
            ("POST", "/api/users", self.add_user, admin, new_user),
            ("PUT", f"{_USER}/password", self.reset_password, admin, password),
            ("DELETE", _USER, self.remove_user, admin, removed),
            ("PUT", f"{_USER}/role", self.set_role, admin, role),
            ("GET", f"{_USER}/credentials", self.credentials, admin, listed),
            ("DELETE", f"{_USER}/credentials", self.revoke_all, admin, ended),
            ("DELETE", f"{_USER}/credentials/{{id}}", self.revoke, admin, revoked),
            ("POST", f"{_USER}/tokens", self.add_token, admin, token),
            ("DELETE", f"{_USER}/second-factor", self.reset_second_factor, admin, reset),
        )

    async def users(self, request: web.Request) -> web.Response:
        """List the users."""
        users = await self._accounts.users()
        return json_response({"users": [user_document(user) for user in users]})

    async def add_user(self, request: web.Request) -> web.Response:
        """Add a user."""
        user = await self._actions.add_user(request, await read_json(request, UserForm))
        return json_response(user_document(user), 201)

    async def reset_password(self, request: web.Request) -> web.Response:
        """Give a user another password."""
        form = await read_json(request, ResetForm)
        await self._actions.reset_password(request, request.match_info["name"], form.password)
        return web.Response(status=204)

    async def remove_user(self, request: web.Request) -> web.Response:
        """Remove a user."""
        await self._actions.remove_user(request, request.match_info["name"], user_of(request))
        return web.Response(status=204)

    async def set_role(self, request: web.Request) -> web.Response:
        """Give a user another role."""
        form = await read_json(request, RoleForm)
        await self._actions.set_role(request, request.match_info["name"], form.role)
        return web.Response(status=204)

    async def credentials(self, request: web.Request) -> web.Response:
        """List a user's sessions and tokens."""
        current = principal_of(request).credential
        found = await self._actions.credentials(await self._user(request))
        current_id = current.id if current else None
        return json_response(
            {"credentials": [credential_document(each, current_id) for each in found]}
        )

    async def revoke_all(self, request: web.Request) -> web.Response:
        """End all of a user's sessions and tokens."""
        ended = await self._actions.revoke_all(request, await self._user(request))
        return json_response({"ended": ended})

    async def revoke(self, request: web.Request) -> web.Response:
        """End one of a user's sessions or tokens."""
        path = read_path(request, UserCredentialPath)
        await self._actions.revoke(request, await self._actions.user(path.name), path.id)
        return web.Response(status=204)

    async def add_token(self, request: web.Request) -> web.Response:
        """Create a long-lived token that acts as a user; its secret is returned once."""
        form = await read_json(request, TokenForm)
        issued = await self._actions.issue_token(request, await self._user(request), form)
        document = credential_document(issued.credential, None)
        return json_response({**document, "access_token": issued.secret}, 201)

    async def reset_second_factor(self, request: web.Request) -> web.Response:
        """Turn a user's second factor off."""
        await self._actions.reset_second_factor(request, request.match_info["name"])
        return web.Response(status=204)

    async def _user(self, request: web.Request) -> User:
        return await self._actions.user(request.match_info["name"])
