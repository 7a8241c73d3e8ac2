"""Prices of models."""

from typing import Final

from aiohttp import web

from analytics.sessions.pricing import date_ms
from analytics.sessions.service import AgentSessions
from model.clock import Clock
from storage.api.agent_sessions.prices import ModelPrice
from web.http.audit_trail import note
from web.http.errors import MissingError
from web.http.operations import Operation
from web.http.parameters import read_json, read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes, principal_of
from web.sessions.access import require_reader
from web.sessions.documents import iso
from web.sessions.forms import PriceForm, PriceQuery
from web.sessions.price_documents import (
    ModelPricesDocument,
    RepricedDocument,
    UnpricedModelDocument,
    price_document,
)
from web.settings import WebSettings

_TAG: Final = "sessions"
PRICES: Final = "/api/session-prices"


class SessionPricesApi:
    """Lists prices for readers, and changes them for admins."""

    def __init__(self, sessions: AgentSessions, settings: WebSettings, clock: Clock) -> None:
        self._sessions, self._settings, self._clock = sessions, settings, clock

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        listing = Operation(_TAG, ModelPricesDocument)
        change = Operation(_TAG, RepricedDocument, PriceForm)
        removal = Operation(_TAG, RepricedDocument, query=PriceQuery, errors=(404,))
        return json_routes(
            ("GET", PRICES, self.listed, Access.VIEWER, listing),
            ("PUT", PRICES, self.change, Access.ADMIN, change),
            ("DELETE", PRICES, self.remove, Access.ADMIN, removal),
        )

    async def listed(self, request: web.Request) -> web.Response:
        """List the prices of all models, and the models without one."""
        require_reader(request, self._settings)
        table = await self._sessions.prices.table()
        unpriced = await self._sessions.store.unpriced_models()
        own = set(table.overrides)
        return json_response(
            ModelPricesDocument(
                prices=[price_document(each, is_own=each in own) for each in table.listed()],
                unpriced=[UnpricedModelDocument(model=name, tokens=n) for name, n in unpriced],
            )
        )

    async def change(self, request: web.Request) -> web.Response:
        """Set a price; the costs of all requests are computed anew."""
        form = await read_json(request, PriceForm)
        repriced = await self.set_price(request, form)
        return json_response(RepricedDocument(repriced=repriced))

    async def set_price(self, request: web.Request, form: PriceForm) -> int:
        """Set a price; return how many requests have another cost now."""
        repriced = await self._sessions.prices.set(self._price_of(form, request))
        note(request, "session-price.set", form.model)
        return repriced

    def _price_of(self, form: PriceForm, request: web.Request) -> ModelPrice:
        """Return the price of a form, dated today."""
        source = form.source or f"set by {principal_of(request).name}"
        return ModelPrice(
            model=form.model.strip().lower(),
            effective_ms=date_ms(form.effective_from.isoformat()),
            above_tokens=form.above_tokens,
            input=form.input,
            output=form.output,
            cache_read=form.cache_read,
            cache_write_5m=form.cache_write_5m,
            cache_write_1h=form.cache_write_1h,
            dated=iso(self._clock())[:10],
            source=source,
        )

    async def remove(self, request: web.Request) -> web.Response:
        """Remove a price that an admin has set; the shipped one holds again."""
        query = read_query(request.query, PriceQuery)
        repriced = await self.remove_price(request, query)
        return json_response(RepricedDocument(repriced=repriced))

    async def remove_price(self, request: web.Request, query: PriceQuery) -> int:
        """Remove a price of an admin; return how many requests have another cost now.

        Raises:
            MissingError: no admin has set it.
        """
        repriced = await self._sessions.prices.remove(
            query.model.strip().lower(),
            date_ms(query.effective_from.isoformat()),
            query.above_tokens,
        )
        if repriced is None:
            raise MissingError("no admin has set such a price", "model")
        note(request, "session-price.remove", query.model)
        return repriced
