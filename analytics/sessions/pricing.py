"""Prices tokens: a table by model, time and size of the prompt.

`prices.csv` is shipped; an admin's own prices stand before it. A model that is in neither is
unpriced: its tokens count, and its cost is unknown, never zero.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Final

from storage.api.agent_sessions.prices import ModelPrice, PriceCheck
from storage.api.agent_sessions.records import AgentRequest, TokenCounts

_PER_MILLION: Final = 1e-6
_REGION: Final = re.compile(r"^(?:us|eu|apac|jp|au|global)\.")
_VENDOR: Final = re.compile(r"^(?:anthropic|openai|google|amazon)\.")
_ENDING: Final = re.compile(
    r"(?:\[1m\]|:\d+|-v\d+|@\d{8}|@default|-\d{8}|-\d{4}-\d{2}-\d{2}|-latest)$", re.IGNORECASE
)
_DOTTED_CLAUDE: Final = re.compile(r"^(claude-.*\d)\.(\d)")
_FAST: Final = ":fast"
_MOST_NAMES: Final = 10_000


def bare_model(name: str) -> str:
    """Return a model's name without provider, region, version and date.

    `us.anthropic.claude-sonnet-4-5-20250929-v1:0` is `claude-sonnet-4-5`.
    """
    text = name.strip().lower().rpartition("/")[2]
    text = _VENDOR.sub("", _REGION.sub("", text))
    while (shorter := _ENDING.sub("", text)) != text:
        text = shorter
    return _DOTTED_CLAUDE.sub(r"\1-\2", text)


_UNCHECKED: Final = (PriceCheck.NO, PriceCheck.PARTLY)


class PriceTable:
    """Finds the price of a request."""

    def __init__(self, overrides: Sequence[ModelPrice] = ()) -> None:
        self.overrides = tuple(overrides)
        self._prices: dict[str, list[ModelPrice]] = _by_model(shipped_prices())
        # An admin's price replaces all shipped ones of the model.
        self._prices |= _by_model(overrides)
        self._keys: dict[str, str | None] = {}

    def price(self, model: str, time_ms: int, prompt_tokens: int) -> ModelPrice | None:
        """Return the price that holds for a request, None for a model without one.

        Before its first date, a model has its first price: traces may be older than a table.
        """
        key = self._key(model)
        if key is None:
            return None
        prices = self._prices[key]
        since = [each.effective_ms for each in prices if each.effective_ms <= time_ms]
        effective_ms = max(since, default=prices[0].effective_ms)
        found = [
            each
            for each in prices
            if each.effective_ms == effective_ms
            and (not each.above_tokens or prompt_tokens > each.above_tokens)
        ]
        return max(found, key=lambda each: each.above_tokens, default=None)

    def cost(self, request: AgentRequest) -> float | None:
        """Return what a request cost in dollars, None if its model has no price.

        The cost that the sender reports stands in for a missing price, and goes first where
        the sender knows what the counts do not show.
        """
        reported = request.reported_cost_usd
        if request.prefers_reported and reported is not None:
            return reported
        model = bare_model(request.model) + _FAST if request.is_fast else request.model
        price = self.price(model, request.time_ms, request.tokens.prompt)
        return reported if price is None else cost_of(request.tokens, price)

    def listed(self) -> Sequence[ModelPrice]:
        """Return all prices, by model and date."""
        return [price for model in sorted(self._prices) for price in self._prices[model]]

    def unverified(self, models: Iterable[str], time_ms: int) -> list[str]:
        """Return the models whose price could not be checked, or only in part."""
        prices = ((model, self.price(model, time_ms, 0)) for model in models)
        return [model for model, price in prices if price and price.verified in _UNCHECKED]

    def _key(self, model: str) -> str | None:
        if model not in self._keys:
            if len(self._keys) >= _MOST_NAMES:
                self._keys.clear()
            written = model.strip().lower()
            names = (written, bare_model(model))
            self._keys[model] = next((name for name in names if name in self._prices), None)
        return self._keys[model]


def cost_of(tokens: TokenCounts, price: ModelPrice) -> float:
    """Return the cost of tokens in dollars."""
    return _PER_MILLION * (
        tokens.input * price.input
        + tokens.output * price.output
        + tokens.cache_read * price.cache_read
        + tokens.cache_write_5m * price.cache_write_5m
        + tokens.cache_write_1h * price.cache_write_1h
    )


def _by_model(prices: Iterable[ModelPrice]) -> dict[str, list[ModelPrice]]:
    found: defaultdict[str, list[ModelPrice]] = defaultdict(list)
    for price in sorted(prices, key=lambda each: (each.effective_ms, each.above_tokens)):
        found[price.model].append(price)
    return dict(found)


@cache
def shipped_prices() -> tuple[ModelPrice, ...]:
    """Return the prices of `prices.csv`."""
    text = files("analytics.sessions").joinpath("prices.csv").read_text()
    return tuple(_price(row) for row in csv.DictReader(text.splitlines()))


def _price(row: Mapping[str, str]) -> ModelPrice:
    return ModelPrice(
        model=row["model"],
        effective_ms=date_ms(row["effective_from"]),
        above_tokens=int(row["above_tokens"]),
        input=float(row["input"]),
        output=float(row["output"]),
        cache_read=float(row["cache_read"]),
        cache_write_5m=float(row["cache_write_5m"]),
        cache_write_1h=float(row["cache_write_1h"]),
        dated=row["dated"],
        source=row["source"],
        verified=PriceCheck(row["verified"]),
    )


def date_ms(text: str) -> int:
    """Return the start of a date in UTC, in Unix milliseconds."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
