"""The visitors that are not counted: bots, and the project's own people."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from analytics.errors import AnalyticsError
from analytics.product.collection.bots import is_bot
from analytics.product.collection.visitors import Visitor
from storage.api.projects import CollectionSettings
from storage.api.visits.exclusions import ExclusionReason

_MOST_ENTRIES: Final = 200
_LONGEST_AGENT: Final = 200


class ExclusionError(AnalyticsError):
    """A setting of the exclusion is invalid."""


def exclusion_of(visitor: Visitor, settings: CollectionSettings) -> ExclusionReason | None:
    """Return why a visitor is not counted, None for one who is."""
    if settings.excluded_addresses and _is_in(visitor.address, settings.excluded_addresses):
        return ExclusionReason.ADDRESS
    if settings.excluded_agents:
        agent = visitor.user_agent.lower()
        if any(part.lower() in agent for part in settings.excluded_agents):
            return ExclusionReason.USER_AGENT
    return ExclusionReason.BOT if is_bot(visitor.user_agent) else None


def checked_networks(texts: Sequence[str]) -> tuple[str, ...]:
    """Return addresses and networks in their usual form, each once.

    Raises:
        ExclusionError: one is invalid, or there are too many.
    """
    if len(texts) > _MOST_ENTRIES:
        raise ExclusionError(f"{_MOST_ENTRIES} networks are possible", "excludedAddresses")
    try:
        return tuple(dict.fromkeys(str(ip_network(text, strict=False)) for text in texts))
    except ValueError as exc:
        raise ExclusionError(f"{exc}", "excludedAddresses") from exc


def checked_agents(texts: Sequence[str]) -> tuple[str, ...]:
    """Return parts of user agents without surrounding spaces, each once.

    Raises:
        ExclusionError: one is empty or too long, or there are too many.
    """
    parts = tuple(dict.fromkeys(text.strip() for text in texts))
    if len(parts) > _MOST_ENTRIES:
        raise ExclusionError(f"{_MOST_ENTRIES} parts are possible", "excludedUserAgents")
    if not all(0 < len(part) <= _LONGEST_AGENT for part in parts):
        # An empty part is in every user agent: nothing would be counted.
        raise ExclusionError(f"a part has 1 to {_LONGEST_AGENT} characters", "excludedUserAgents")
    return parts


def _is_in(address: str, networks: tuple[str, ...]) -> bool:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in network for network in _networks(networks))


@lru_cache(maxsize=64)
def _networks(texts: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in texts)
