"""Discovery by polling: asks an API for all targets at regular intervals."""

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from scraper.discovery.engine.backoff import Backoff
from scraper.discovery.engine.feed import Feed
from scraper.discovery.groups import DiscoveryError, TargetGroup
from scraper.fetching.http_session import HttpSession

# A lookup of many pages may take long; the shortest limit, however, must let one finish.
_MIN_TIMEOUT_S = 10.0


class Lookup(Hashable, Protocol):
    """One way to look up target groups; equal lookups find the same groups."""

    @property
    def mechanism(self) -> str:
        """The kind of service discovery, for example `http`."""

    @property
    def place(self) -> dict[str, str]:
        """The place that messages name, for example the URL."""

    async def groups(self, session: HttpSession) -> Sequence[TargetGroup]:
        """Return all groups.

        Raises:
            DiscoveryError: the lookup failed.
        """


@dataclass(frozen=True, slots=True)
class PollingDiscoverer:
    """Repeats a lookup; after a failure sooner, with growing waits.

    Attributes:
        lookup: finds the groups.
        refresh_s: time between two lookups.
    """

    lookup: Lookup
    refresh_s: float

    @property
    def mechanism(self) -> str:
        """See `Discoverer.mechanism`."""
        return self.lookup.mechanism

    async def run(self, session: HttpSession, feed: Feed) -> None:
        """See `Discoverer.run`."""
        backoff = Backoff(self.refresh_s)
        known: Sequence[TargetGroup] = ()
        timeout_s = max(self.refresh_s, _MIN_TIMEOUT_S)
        while True:
            try:
                async with asyncio.timeout(timeout_s):
                    groups = await self.lookup.groups(session)
            except TimeoutError:
                error = DiscoveryError(f"timed out after {timeout_s:g} s")
                feed.failed(error, **self.lookup.place)
                wait_s = backoff.next_s()
            except DiscoveryError as exc:
                feed.failed(exc, **self.lookup.place)
                wait_s = backoff.next_s()
            else:
                feed.succeeded(**self.lookup.place)
                known = _with_identities(groups, known)
                feed.publish(known)
                backoff.reset()
                wait_s = self.refresh_s
            await asyncio.sleep(wait_s)


def _with_identities(
    groups: Sequence[TargetGroup], known: Sequence[TargetGroup]
) -> Sequence[TargetGroup]:
    """Return groups, each as the object that is known already, so that it stays relabelled."""
    if groups == known:
        return known
    objects = {group: group for group in known}
    return [objects.get(group, group) for group in groups]
