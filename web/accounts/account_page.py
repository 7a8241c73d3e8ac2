"""The page of the user's own account: password, second factor, sessions and tokens."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web
from pydantic import ValidationError

from web.accounts.actions import AccountActions
from web.accounts.forms import PasswordForm, TokenForm
from web.http.errors import BadRequestError, TooManyRequestsError
from web.http.pages import Page
from web.http.parameters import read_form, record_id
from web.http.routing import Access, Route, Surface, principal_of, user_of
from web.http.validation import field_errors
from web.identity.credentials import Credentials
from web.identity.passwords import SHORTEST
from web.identity.second_factor import SecondFactors
from web.live.shell import Shell

ACCOUNT: Final = Page(
    path="/account",
    title="Account",
    template="accounts/account_page.html",
    access=Access.USER,
    notices={
        "password-changed": "Your password is changed; other sessions and tokens have ended.",
        "credential-revoked": "Revoked.",
        "others-revoked": "All other sessions and tokens are revoked.",
        "second-factor-off": "The second factor is off.",
    },
)


class AccountPages:
    """Shows and changes the user's own account."""

    def __init__(
        self,
        shell: Shell,
        issuer: Credentials,
        second_factors: SecondFactors,
        actions: AccountActions,
    ) -> None:
        self._shell, self._issuer = shell, issuer
        self._second_factors, self._actions = second_factors, actions

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        forms = tuple(
            Route(method, path, handler, Access.USER, Surface.PAGE)
            for method, path, handler in (
                ("POST", "/account/password", self.change_password),
                ("POST", "/account/tokens", self.add_token),
                ("POST", "/account/credentials/{id}/revoke", self.revoke),
                ("POST", "/account/credentials/revoke-others", self.revoke_others),
            )
        )
        return (self._shell.route(ACCOUNT, self.show), *forms)

    async def show(self, request: web.Request) -> web.Response:
        """Show the account."""
        return await self._account(request)

    async def _account(
        self,
        request: web.Request,
        status: int = 200,
        problems: Mapping[str, str] | None = None,
        token: str = "",
        given: Mapping[str, str] | None = None,
    ) -> web.Response:
        user, current = user_of(request), principal_of(request).credential
        return await self._shell.page(
            request,
            ACCOUNT,
            status,
            credentials=await self._actions.credentials(user),
            current_id=current.id if current else None,
            second_factor=await self._second_factors.find(user),
            has_password=bool(user.password_hash),
            problems=problems or {},
            token=token,
            given={"lifetime_days": "365", **(given or {})},
            shortest=SHORTEST,
        )

    async def change_password(self, request: web.Request) -> web.Response:
        """Change the password and start a new session; all others end."""
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
            return await self._account(request, 400, field_errors(exc))
        except (BadRequestError, TooManyRequestsError) as exc:
            problems = {exc.field or "current_password": exc.message}
            return await self._account(request, exc.status, problems)
        headers = {"Location": "/account?notice=password-changed"}
        response = web.Response(status=303, headers=headers)
        await self._issuer.start_session(request, response, user)
        return response

    async def add_token(self, request: web.Request) -> web.Response:
        """Create a token and show its secret once."""
        fields = await read_form(request)
        try:
            form = TokenForm.model_validate(fields)
            issued = await self._actions.issue_token(request, user_of(request), form)
        except ValidationError as exc:
            return await self._account(request, 400, field_errors(exc), given=fields)
        except BadRequestError as exc:
            problems = {exc.field or "label": exc.message}
            return await self._account(request, 400, problems, given=fields)
        return await self._account(request, token=issued.secret)

    async def revoke(self, request: web.Request) -> web.Response:
        """End a session or token."""
        await self._actions.revoke(request, user_of(request), record_id(request))
        raise web.HTTPSeeOther("/account?notice=credential-revoked")

    async def revoke_others(self, request: web.Request) -> web.Response:
        """End every session and token but the current session."""
        current = principal_of(request).credential
        await self._actions.revoke_all(request, user_of(request), current)
        raise web.HTTPSeeOther("/account?notice=others-revoked")
