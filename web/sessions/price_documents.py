"""Documents of prices, and of what a change of them did."""

from typing_extensions import TypedDict

from storage.api.agent_sessions.prices import ModelPrice
from web.sessions.documents import iso


class ModelPriceDocument(TypedDict):
    """A price in dollars for a million tokens.

    `verified` says how far the price could be checked: `vendor`, against the vendor's page;
    `quoted`, others that quote the page agree; `partly`, all but the cache's prices; `no`;
    `own`, an admin has set it.
    """

    model: str
    effective_from: str
    above_tokens: int
    input: float
    output: float
    cache_read: float
    cache_write_5m: float
    cache_write_1h: float
    dated: str
    source: str
    verified: str
    is_own: bool


class UnpricedModelDocument(TypedDict):
    """A model without a price and its tokens."""

    model: str
    tokens: int


class ModelPricesDocument(TypedDict):
    """All prices, and the models that have none."""

    prices: list[ModelPriceDocument]
    unpriced: list[UnpricedModelDocument]


class RepricedDocument(TypedDict):
    """How many requests have another cost now."""

    repriced: int


def price_document(price: ModelPrice, *, is_own: bool) -> ModelPriceDocument:
    """Return a price."""
    return ModelPriceDocument(
        model=price.model,
        effective_from=iso(price.effective_ms)[:10],
        above_tokens=price.above_tokens,
        input=price.input,
        output=price.output,
        cache_read=price.cache_read,
        cache_write_5m=price.cache_write_5m,
        cache_write_1h=price.cache_write_1h,
        dated=price.dated,
        source=price.source,
        verified=price.verified.value,
        is_own=is_own,
    )
