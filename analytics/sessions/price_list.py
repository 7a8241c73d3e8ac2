"""The prices that count: the shipped ones, and those that an admin has set."""

import asyncio

from analytics.sessions.pricing import PriceTable
from storage.api.agent_sessions.prices import ModelPrice
from storage.api.agent_sessions.store import AgentSessionStore


class PriceList:
    """Keeps the table of prices in memory, and changes it."""

    def __init__(self, store: AgentSessionStore) -> None:
        self._store = store
        self._table: PriceTable | None = None

    async def table(self) -> PriceTable:
        """Return the table."""
        if self._table is None:
            overrides = await self._store.price_overrides()
            # The first table reads the shipped prices from their file.
            self._table = await asyncio.to_thread(PriceTable, overrides)
        return self._table

    async def set(self, price: ModelPrice) -> int:
        """Set a price; return how many requests have another cost now."""
        await self._store.set_price(price)
        return await self._changed()

    async def remove(self, model: str, effective_ms: int, above_tokens: int) -> int | None:
        """Remove an admin's price; return how many costs changed, None without such a price."""
        if not await self._store.remove_price(model, effective_ms, above_tokens):
            return None
        return await self._changed()

    async def _changed(self) -> int:
        self._table = None
        table = await self.table()
        return await self._store.reprice(table.cost)
