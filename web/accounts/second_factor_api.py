"""`/api/account/second-factor`: the user's own second factor as JSON."""

from typing import Final

from aiohttp import web

from web.accounts.actions import AccountActions
from web.accounts.documents import (
    EnrolmentDocument,
    RecoveryCodesDocument,
    SecondFactorDocument,
    enrolment_document,
    second_factor_document,
)
from web.accounts.forms import CodeForm, OwnPasswordForm
from web.http.audit_trail import note
from web.http.operations import Operation
from web.http.parameters import read_json
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes, user_of
from web.identity.second_factor import SecondFactors

_PATH: Final = "/api/account/second-factor"


class SecondFactorApi:
    """The user's own second factor as JSON."""

    def __init__(self, second_factors: SecondFactors, actions: AccountActions) -> None:
        self._second_factors, self._actions = second_factors, actions

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        tag = "accounts"
        shown = Operation(tag, SecondFactorDocument)
        begun = Operation(tag, EnrolmentDocument, OwnPasswordForm, errors=(409, 503))
        confirmed = Operation(tag, RecoveryCodesDocument, CodeForm, errors=(409,))
        renewed = Operation(tag, RecoveryCodesDocument, CodeForm, errors=(409,))
        off = Operation(tag, None, OwnPasswordForm, status=204, errors=(503,))
        user = Access.USER
        return json_routes(
            ("GET", _PATH, self.show, user, shown),
            ("POST", _PATH, self.begin, user, begun),
            ("POST", f"{_PATH}/confirm", self.confirm, user, confirmed),
            ("POST", f"{_PATH}/recovery-codes", self.renew_recovery_codes, user, renewed),
            ("DELETE", _PATH, self.turn_off, user, off),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Return whether the second factor is on."""
        factor = await self._second_factors.find(user_of(request))
        return json_response(second_factor_document(factor))

    async def begin(self, request: web.Request) -> web.Response:
        """Create a secret for an authenticator app; `confirm` puts it into effect."""
        user, form = user_of(request), await read_json(request, OwnPasswordForm)
        await self._actions.confirm_password(request, user, form.current_password)
        enrolment = await self._second_factors.begin(user)
        note(request, "second-factor.begin", user.name)
        return json_response(enrolment_document(enrolment))

    async def confirm(self, request: web.Request) -> web.Response:
        """Turn the second factor on with a first code; return the recovery codes, once."""
        user, form = user_of(request), await read_json(request, CodeForm)
        codes = await self._second_factors.confirm(user, form.code)
        note(request, "second-factor.on", user.name)
        return json_response({"recovery_codes": list(codes)})

    async def renew_recovery_codes(self, request: web.Request) -> web.Response:
        """Replace all recovery codes, after a code of the app; return the new ones, once."""
        user, form = user_of(request), await read_json(request, CodeForm)
        codes = await self._second_factors.renew_recovery_codes(user, form.code)
        note(request, "second-factor.renew-codes", user.name)
        return json_response({"recovery_codes": list(codes)})

    async def turn_off(self, request: web.Request) -> web.Response:
        """Turn the second factor off."""
        user, form = user_of(request), await read_json(request, OwnPasswordForm)
        await self._actions.confirm_password(request, user, form.current_password)
        await self._second_factors.turn_off(user)
        note(request, "second-factor.off", user.name)
        return web.Response(status=204)
