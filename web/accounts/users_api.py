"""Other people's accounts for admins: roles, sessions and tokens, and the server's keys."""

import asyncio
from typing import Final

from aiohttp import web

from storage.api.accounts import User
from web.accounts.actions import AccountActions
from web.accounts.documents import (
    CredentialsDocument,
    EndedDocument,
    NewTokenDocument,
    credential_document,
)
from web.accounts.forms import RoleForm, RotationForm, TokenForm
from web.http.audit_trail import note
from web.http.operations import Operation
from web.http.parameters import Parameters, RecordId, read_json, read_path
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface, principal_of
from web.services import Services
from web.settings import WebSettings

_USER: Final = "/api/users/{name:[^/]+}"


class UserCredentialPath(Parameters):
    """A path with a user and one of the user's sessions or tokens."""

    name: str
    id: RecordId


class UsersApi:
    """Users' roles and credentials as JSON."""

    def __init__(self, services: Services, settings: WebSettings, actions: AccountActions) -> None:
        self._keys, self._clock, self._actions = services.keys, services.clock, actions
        self._overlap_ms = settings.token_lifetime_s * 1000
        self._one_at_a_time = asyncio.Lock()

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        tag = "accounts"
        role = Operation(tag, None, RoleForm, status=204, errors=(404, 409))
        listed = Operation(tag, CredentialsDocument, errors=(404,))
        ended = Operation(tag, EndedDocument, errors=(404,))
        revoked = Operation(tag, path=UserCredentialPath, status=204, errors=(404,))
        token = Operation(tag, NewTokenDocument, TokenForm, status=201, errors=(404,))
        reset = Operation(tag, status=204, errors=(404,))
        rotated = Operation(tag, None, RotationForm, status=204)
        return tuple(
            Route(method, path, handler, Access.ADMIN, Surface.JSON, operation=operation)
            for method, path, handler, operation in (
                ("PUT", f"{_USER}/role", self.set_role, role),
                ("GET", f"{_USER}/credentials", self.credentials, listed),
                ("DELETE", f"{_USER}/credentials", self.revoke_all, ended),
                ("DELETE", f"{_USER}/credentials/{{id}}", self.revoke, revoked),
                ("POST", f"{_USER}/tokens", self.add_token, token),
                ("DELETE", f"{_USER}/second-factor", self.reset_second_factor, reset),
                ("POST", "/api/keys/rotate", self.rotate_keys, rotated),
            )
        )

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
        """Make a lasting token that acts as a user; its secret is told once."""
        form = await read_json(request, TokenForm)
        issued = await self._actions.issue_token(request, await self._user(request), form)
        document = credential_document(issued.credential, None)
        return json_response({**document, "access_token": issued.secret}, 201)

    async def reset_second_factor(self, request: web.Request) -> web.Response:
        """Turn a user's second factor off."""
        await self._actions.reset_second_factor(request, request.match_info["name"])
        return web.Response(status=204)

    async def rotate_keys(self, request: web.Request) -> web.Response:
        """Sign with a new key from now on."""
        form = await read_json(request, RotationForm)
        overlap_ms = 0 if form.at_once else self._overlap_ms
        async with self._one_at_a_time:
            await asyncio.to_thread(self._keys.rotate, self._clock(), overlap_ms)
        note(request, "keys.rotate", at_once=str(form.at_once).lower())
        return web.Response(status=204)

    async def _user(self, request: web.Request) -> User:
        return await self._actions.user(request.match_info["name"])
