"""`/auth/token`, `/api/session` and the sender's own account as JSON."""

from aiohttp import web

from storage.api.accounts import FULL_SCOPES, AccountRecords, CredentialKind, Scope, User
from web.accounts.actions import AccountActions
from web.accounts.documents import (
    AccessTokenDocument,
    CredentialsDocument,
    NewTokenDocument,
    SessionDocument,
    access_token_document,
    credential_document,
    principal_document,
)
from web.accounts.forms import LoginForm, PasswordForm, TokenForm
from web.http.errors import ForbiddenError, UnauthorizedError
from web.http.operations import Operation
from web.http.parameters import RecordPath, read_body, read_json, record_id
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes, principal_of, user_of
from web.identity.credentials import Credentials
from web.identity.login import Logins
from web.identity.tokens import token_of


class AccountsApi:
    """The sender's own account as JSON."""

    def __init__(
        self,
        accounts: AccountRecords,
        logins: Logins,
        issuer: Credentials,
        actions: AccountActions,
    ) -> None:
        self._accounts, self._logins = accounts, logins
        self._issuer, self._actions = issuer, actions

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        tag, public, user = "accounts", Access.PUBLIC, Access.USER
        login = Operation(tag, AccessTokenDocument, LoginForm, errors=(401, 403, 503))
        refresh = Operation(tag, AccessTokenDocument, LoginForm, errors=(401, 403, 503))
        session = Operation(tag, SessionDocument)
        own_password = Operation(tag, None, PasswordForm, status=204, errors=(503,))
        credentials = Operation(tag, CredentialsDocument)
        new_token = Operation(tag, NewTokenDocument, TokenForm, status=201)
        revoke = Operation(tag, path=RecordPath, status=204, errors=(404,))
        return json_routes(
            ("POST", "/auth/token", self.token, public, login),
            ("POST", "/auth/refresh", self.refresh, public, refresh),
            ("GET", "/api/session", self.session, Access.VIEWER, session),
            ("PUT", "/api/account/password", self.change_password, user, own_password),
            ("GET", "/api/account/credentials", self.credentials, user, credentials),
            ("POST", "/api/account/tokens", self.add_token, user, new_token),
            ("DELETE", "/api/account/credentials/{id}", self.revoke, user, revoke),
        )

    async def token(self, request: web.Request) -> web.Response:
        """Exchange a name and a password for a bearer token."""
        form = await read_json(request, LoginForm)
        user = await self._logins.check(request, form.username, form.password, form.totp)
        return await self._issue(request, user)

    async def refresh(self, request: web.Request) -> web.Response:
        """Exchange a signed token, or name and password again, for a new one.

        The signed token ends. A long-lived token has its own lifetime and stays valid: a
        program that calls this with its own would otherwise lock itself out.
        """
        principal = principal_of(request)
        credential = principal.credential
        if (
            principal.user is None
            or credential is None
            or credential.kind is not CredentialKind.JWT
        ):
            if token_of(request.headers) is not None and not await read_body(request):
                if credential is not None:
                    raise ForbiddenError("a long-lived token cannot be refreshed; create another")
                raise UnauthorizedError("the token is unknown, expired or revoked")
            return await self.token(request)
        response = await self._issue(request, principal.user, principal.scopes)
        await self._accounts.revoke_credential(credential.secret_hash)
        return response

    async def _issue(
        self, request: web.Request, user: User, scopes: frozenset[Scope] = FULL_SCOPES
    ) -> web.Response:
        issued = await self._issuer.issue_access_token(request, user, scopes)
        return json_response(access_token_document(issued))

    async def session(self, request: web.Request) -> web.Response:
        """Return who is logged in."""
        return json_response(principal_document(principal_of(request)))

    async def change_password(self, request: web.Request) -> web.Response:
        """Change one's own password, which ends all one's sessions and tokens."""
        await self._actions.change_own_password(
            request, user_of(request), await read_json(request, PasswordForm)
        )
        return web.Response(status=204)

    async def credentials(self, request: web.Request) -> web.Response:
        """List one's own sessions and tokens."""
        user, current = user_of(request), principal_of(request).credential
        found = await self._actions.credentials(user)
        current_id = current.id if current else None
        return json_response(
            {"credentials": [credential_document(each, current_id) for each in found]}
        )

    async def add_token(self, request: web.Request) -> web.Response:
        """Create a long-lived bearer token for a program; its secret is returned once."""
        form = await read_json(request, TokenForm)
        issued = await self._actions.issue_token(request, user_of(request), form)
        document = credential_document(issued.credential, None)
        return json_response({**document, "access_token": issued.secret}, 201)

    async def revoke(self, request: web.Request) -> web.Response:
        """End one of one's own sessions or tokens."""
        await self._actions.revoke(request, user_of(request), record_id(request))
        return web.Response(status=204)
