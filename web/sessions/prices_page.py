"""The page of prices: models without one, the table, and the form for admins."""

from typing import Final

from aiohttp import web
from pydantic import ValidationError

from storage.api.accounts import Role
from web.http.parameters import read_form
from web.http.routing import Access, Route, Surface, principal_of
from web.http.validation import field_errors
from web.sessions.access import require_reader
from web.sessions.forms import PriceForm, PriceQuery
from web.sessions.parts import SessionParts, session_page
from web.sessions.price_documents import price_document
from web.sessions.prices_api import SessionPricesApi

PRICES_PAGE: Final = session_page("/prices", "Prices", "prices_page")


class SessionPricesPages:
    """Shows prices, and changes them for admins."""

    def __init__(self, parts: SessionParts, api: SessionPricesApi) -> None:
        self._parts, self._api = parts, api
        self._sessions = parts.sessions

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        path = PRICES_PAGE.path
        return (
            self._parts.route(PRICES_PAGE, self.show),
            Route("POST", path, self.change, Access.ADMIN, Surface.PAGE),
            Route("POST", f"{path}/remove", self.remove, Access.ADMIN, Surface.PAGE),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the table."""
        return await self._shown(request, 200, {}, {})

    async def change(self, request: web.Request) -> web.Response:
        """Set a price."""
        fields = await read_form(request)
        try:
            form = PriceForm.model_validate({name: text for name, text in fields.items() if text})
        except ValidationError as exc:
            return await self._shown(request, 400, field_errors(exc), fields)
        await self._api.set_price(request, form)
        raise web.HTTPSeeOther(PRICES_PAGE.path)

    async def remove(self, request: web.Request) -> web.Response:
        """Remove a price that an admin has set."""
        query = PriceQuery.model_validate(await read_form(request))
        await self._api.remove_price(request, query)
        raise web.HTTPSeeOther(PRICES_PAGE.path)

    async def _shown(
        self, request: web.Request, status: int, problems: dict[str, str], given: dict[str, str]
    ) -> web.Response:
        require_reader(request, self._parts.settings)
        table = await self._sessions.prices.table()
        own = set(table.overrides)
        return await self._parts.page(
            request,
            PRICES_PAGE,
            status,
            prices=[price_document(each, is_own=each in own) for each in table.listed()],
            unpriced=await self._sessions.store.unpriced_models(),
            is_admin=principal_of(request).role is Role.ADMIN,
            problems=problems,
            given=given,
        )
