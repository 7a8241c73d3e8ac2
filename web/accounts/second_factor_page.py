"""The page of the user's own second factor: set up, recovery codes, turned off."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web
from markupsafe import Markup

from web.accounts.actions import AccountActions
from web.http.audit_trail import note
from web.http.errors import BadRequestError, TooManyRequestsError
from web.http.pages import Page
from web.http.parameters import read_form
from web.http.routing import Access, Handler, Route, Surface, user_of
from web.identity.passwords import LONGEST
from web.identity.second_factor import SecondFactors
from web.live.shell import Shell

SECOND_FACTOR: Final = Page(
    path="/account/second-factor",
    title="Second factor",
    template="accounts/second_factor_page.html",
    access=Access.USER,
    parent="/account",
)


class SecondFactorPages:
    """Turns the user's own second factor on and off, and renews its recovery codes."""

    def __init__(
        self, shell: Shell, second_factors: SecondFactors, actions: AccountActions
    ) -> None:
        self._shell, self._second_factors, self._actions = shell, second_factors, actions

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        handlers: Sequence[tuple[str, str, Handler]] = (
            ("POST", "/account/second-factor", self.begin),
            ("POST", "/account/second-factor/confirm", self.confirm),
            ("POST", "/account/second-factor/recovery-codes", self.renew_recovery_codes),
            ("POST", "/account/second-factor/off", self.turn_off),
        )
        forms = tuple(
            Route(method, path, handler, Access.USER, Surface.PAGE)
            for method, path, handler in handlers
        )
        return (self._shell.route(SECOND_FACTOR, self.show), *forms)

    async def show(self, request: web.Request) -> web.Response:
        """Show whether it is on, or the QR code to scan."""
        return await self._page(request)

    async def _page(
        self,
        request: web.Request,
        status: int = 200,
        problems: Mapping[str, str] | None = None,
        codes: Sequence[str] = (),
    ) -> web.Response:
        user = user_of(request)
        enrolment = await self._second_factors.enrolment(user)
        picture = await asyncio.to_thread(qr_code, enrolment.uri) if enrolment else ""
        return await self._shell.page(
            request,
            SECOND_FACTOR,
            status,
            factor=await self._second_factors.find(user),
            enrolment=enrolment,
            picture=picture,
            codes=codes,
            problems=problems or {},
        )

    async def begin(self, request: web.Request) -> web.Response:
        """Create a secret and show it, after the password."""
        if refused := await self._refused_password(request):
            return refused
        user = user_of(request)
        await self._second_factors.begin(user)
        note(request, "second-factor.begin", user.name)
        raise web.HTTPSeeOther("/account/second-factor")

    async def confirm(self, request: web.Request) -> web.Response:
        """Turn it on with a first code and show the recovery codes once."""
        user, code = user_of(request), await _code(request)
        try:
            codes = await self._second_factors.confirm(user, code)
        except BadRequestError:
            problem = "This is not the app's current code. Is the phone's clock right?"
            return await self._page(request, 400, {"code": problem})
        note(request, "second-factor.on", user.name)
        return await self._page(request, codes=codes)

    async def renew_recovery_codes(self, request: web.Request) -> web.Response:
        """Replace the recovery codes after a code of the app, and show the new ones once."""
        user, code = user_of(request), await _code(request)
        try:
            codes = await self._second_factors.renew_recovery_codes(user, code)
        except BadRequestError:
            problem = "This code is wrong or was used before. Is the phone's clock right?"
            return await self._page(request, 400, {"code": problem})
        except TooManyRequestsError as exc:
            return await self._page(request, exc.status, {"code": exc.message})
        note(request, "second-factor.renew-codes", user.name)
        return await self._page(request, codes=codes)

    async def turn_off(self, request: web.Request) -> web.Response:
        """Turn it off, after the password."""
        if refused := await self._refused_password(request):
            return refused
        user = user_of(request)
        await self._second_factors.turn_off(user)
        note(request, "second-factor.off", user.name)
        raise web.HTTPSeeOther("/account?notice=second-factor-off")

    async def _refused_password(self, request: web.Request) -> web.Response | None:
        """Return the error page if the form's password is wrong, None if it is right."""
        password = (await read_form(request)).get("current_password", "")[:LONGEST]
        try:
            await self._actions.confirm_password(request, user_of(request), password)
        except (BadRequestError, TooManyRequestsError) as exc:
            return await self._page(request, exc.status, {"current_password": exc.message})
        return None


async def _code(request: web.Request) -> str:
    """Return the code in the form, "" if it is missing."""
    return (await read_form(request)).get("code", "")[:64]


def qr_code(text: str) -> Markup:
    """Return a QR code as SVG, dark on light in both themes: cameras read no other."""
    # Rarely needed, and 1.3 MB of resident memory.
    import segno

    code = segno.make(text, error="m", micro=False)
    picture = code.svg_inline(
        omitsize=True, border=3, dark="#000", light="#fff", svgclass="qr-code"
    )
    return Markup(picture)  # noqa: S704 - segno draws modules; the text itself is not in it
