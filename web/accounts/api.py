"""`/auth/token`, the own account, and the users for admins."""

from aiohttp import web

from storage.api.accounts import FULL_SCOPES, CredentialKind, Scope, User
from web.accounts.actions import AccountActions
from web.accounts.documents import (
    AccessTokenDocument,
    CredentialsDocument,
    NewTokenDocument,
    SessionDocument,
    UserDocument,
    UsersDocument,
    access_token_document,
    credential_document,
    principal_document,
    user_document,
)
from web.accounts.forms import LoginForm, PasswordForm, ResetForm, TokenForm, UserForm
from web.http.errors import UnauthorizedError
from web.http.operations import Operation
from web.http.parameters import RecordPath, read_body, read_json, record_id
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface, principal_of, user_of
from web.identity.authentication import Authenticator
from web.identity.tokens import token_of
from web.services import Services


class AccountsApi:
    """Accounts as JSON."""

    def __init__(
        self,
        services: Services,
        authenticator: Authenticator,
        actions: AccountActions,
    ) -> None:
        self._services = services
        self._authenticator, self._actions = authenticator, actions

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        tag, all_, user, admin = "accounts", Access.PUBLIC, Access.USER, Access.ADMIN
        login = Operation(tag, AccessTokenDocument, LoginForm, errors=(401, 503))
        session = Operation(tag, SessionDocument)
        own_password = Operation(tag, None, PasswordForm, status=204, errors=(503,))
        credentials = Operation(tag, CredentialsDocument)
        new_token = Operation(tag, NewTokenDocument, TokenForm, status=201)
        revoke = Operation(tag, path=RecordPath, status=204, errors=(404,))
        users = Operation(tag, UsersDocument)
        new_user = Operation(tag, UserDocument, UserForm, status=201, errors=(409, 503))
        reset = Operation(tag, None, ResetForm, status=204, errors=(404, 503))
        remove = Operation(tag, status=204, errors=(404, 409))
        return tuple(
            Route(method, path, handler, access, Surface.JSON, operation=operation)
            for method, path, handler, access, operation in (
                ("POST", "/auth/token", self.token, all_, login),
                ("POST", "/auth/refresh", self.refresh, all_, login),
                ("GET", "/api/session", self.session, Access.VIEWER, session),
                ("PUT", "/api/account/password", self.change_password, user, own_password),
                ("GET", "/api/account/credentials", self.credentials, user, credentials),
                ("POST", "/api/account/tokens", self.add_token, user, new_token),
                ("DELETE", "/api/account/credentials/{id}", self.revoke, user, revoke),
                ("GET", "/api/users", self.users, admin, users),
                ("POST", "/api/users", self.add_user, admin, new_user),
                ("PUT", "/api/users/{name:[^/]+}/password", self.reset_password, admin, reset),
                ("DELETE", "/api/users/{name:[^/]+}", self.remove_user, admin, remove),
            )
        )

    async def token(self, request: web.Request) -> web.Response:
        """Trade a name and a password for a bearer token."""
        form = await read_json(request, LoginForm)
        user = await self._authenticator.check_login(
            request, form.username, form.password, form.totp
        )
        return await self._issue(request, user)

    async def refresh(self, request: web.Request) -> web.Response:
        """Trade a bearer token, or name and password again, for a new token."""
        principal = principal_of(request)
        credential = principal.credential
        if (
            principal.user is None
            or credential is None
            or credential.kind is CredentialKind.SESSION
        ):
            if token_of(request.headers) is not None and not await read_body(request):
                raise UnauthorizedError("the token is unknown, expired or revoked")
            return await self.token(request)
        answer = await self._issue(request, principal.user, principal.scopes)
        await self._services.accounts.revoke_credential(credential.secret_hash)
        return answer

    async def _issue(
        self, request: web.Request, user: User, scopes: frozenset[Scope] = FULL_SCOPES
    ) -> web.Response:
        issued = await self._authenticator.issue_access_token(request, user, scopes)
        return json_response(access_token_document(issued))

    async def session(self, request: web.Request) -> web.Response:
        """Tell who is logged in."""
        return json_response(principal_document(principal_of(request)))

    async def change_password(self, request: web.Request) -> web.Response:
        """Change the own password, which ends every session and token of the user."""
        await self._actions.change_own_password(
            request, user_of(request), await read_json(request, PasswordForm)
        )
        return web.Response(status=204)

    async def credentials(self, request: web.Request) -> web.Response:
        """List the own sessions and tokens."""
        user, current = user_of(request), principal_of(request).credential
        found = await self._services.accounts.credentials(user.id, self._services.clock())
        current_id = current.id if current else None
        return json_response(
            {"credentials": [credential_document(each, current_id) for each in found]}
        )

    async def add_token(self, request: web.Request) -> web.Response:
        """Make a lasting bearer token for a program; its secret is told once."""
        form = await read_json(request, TokenForm)
        issued = await self._actions.issue_token(request, user_of(request), form)
        document = credential_document(issued.credential, None)
        return json_response({**document, "access_token": issued.secret}, 201)

    async def revoke(self, request: web.Request) -> web.Response:
        """End one of the own sessions or tokens."""
        await self._actions.revoke(request, user_of(request), record_id(request))
        return web.Response(status=204)

    async def users(self, request: web.Request) -> web.Response:
        """List the users."""
        users = await self._services.accounts.users()
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
