"""`/api/v1/auth`: registration and login in the format of api-analytics-service."""

from aiohttp import web

from storage.api.accounts import Role
from web.accounts.actions import AccountActions
from web.accounts.documents import AccessTokenDocument, AccountDocument, access_token_document
from web.accounts.forms import RegisterForm, ServiceLoginForm, UserForm
from web.http.errors import ForbiddenError
from web.http.operations import JSON, Operation
from web.http.parameters import FORM, read_form, read_json
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes
from web.identity.credentials import Credentials
from web.identity.login import Logins
from web.settings import WebSettings


class RegistrationApi:
    """Registers accounts if the settings allow it, and logs them in."""

    def __init__(
        self,
        settings: WebSettings,
        logins: Logins,
        issuer: Credentials,
        actions: AccountActions,
    ) -> None:
        self._open = settings.registration
        self._logins, self._issuer, self._actions = logins, issuer, actions

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        register = Operation(
            "accounts", AccountDocument, RegisterForm, status=201, errors=(403, 409, 503)
        )
        login = Operation(
            "accounts",
            AccessTokenDocument,
            ServiceLoginForm,
            body_media_types=(JSON, FORM),
            errors=(401, 503),
        )
        return json_routes(
            ("POST", "/api/v1/auth/register", self.register, Access.PUBLIC, register),
            ("POST", "/api/v1/auth/login", self.login, Access.PUBLIC, login),
        )

    async def register(self, request: web.Request) -> web.Response:
        """Create a viewer account; needs `web.registration`."""
        if not self._open:
            raise ForbiddenError(
                "registration is closed: an admin adds users, or sets web.registration"
            )
        form = await read_json(request, RegisterForm)
        account = UserForm(name=form.username, role=Role.VIEWER, password=form.password)
        user = await self._actions.register(request, account)
        return json_response(
            {
                "id": user.id,
                "username": user.name,
                "role": user.role,
                "created_ms": user.created_ms,
            },
            201,
        )

    async def login(self, request: web.Request) -> web.Response:
        """Exchange a name and a password, as JSON or as a form, for a JSON Web Token."""
        if request.content_type == FORM:
            form = ServiceLoginForm.model_validate(await read_form(request))
        else:
            form = await read_json(request, ServiceLoginForm)
        user = await self._logins.check(request, form.username, form.password, form.totp)
        issued = await self._issuer.issue_access_token(request, user)
        return json_response(access_token_document(issued))
