"""Prices of a model's tokens, each from a time on."""

from dataclasses import dataclass
from enum import StrEnum


class PriceCheck(StrEnum):
    """How far a price could be checked."""

    VENDOR = "vendor"
    """Against the vendor's page."""
    QUOTED = "quoted"
    """Others that quote the vendor's page with a date agree."""
    PARTLY = "partly"
    """As `QUOTED`, but for the cache's prices."""
    NO = "no"
    """Against nothing."""
    OWN = "own"
    """An admin has set it."""


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """The price of a model in dollars for a million tokens.

    Attributes:
        model: its name, without provider and date.
        effective_ms: from when on it holds.
        above_tokens: it holds for requests with more tokens in their prompt.
        dated: the date of the source.
        source: where the price is from.
        verified: how far it could be checked.
    """

    model: str
    effective_ms: int
    above_tokens: int
    input: float
    output: float
    cache_read: float
    cache_write_5m: float
    cache_write_1h: float
    dated: str
    source: str
    verified: PriceCheck = PriceCheck.OWN
