"""The protocol of discoverers."""

from collections.abc import Hashable
from typing import Protocol

from scraper.discovery.engine.feed import Feed
from scraper.fetching.http_session import HttpSession


class Discoverer(Hashable, Protocol):
    """Looks up target groups repeatedly; equal discoverers find the same groups."""

    @property
    def mechanism(self) -> str:
        """The kind of service discovery, for example `http`."""

    async def run(self, session: HttpSession, feed: Feed) -> None:
        """Publish the groups whenever they change, until cancelled."""
