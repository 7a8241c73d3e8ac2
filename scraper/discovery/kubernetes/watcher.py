"""Keeps the objects of one resource equal to those of the cluster.

Source: Kubernetes documentation, "Kubernetes API Concepts", "Efficient detection of
changes".
"""

import asyncio
from collections.abc import Awaitable, Callable

from scraper.discovery.engine.backoff import Backoff
from scraper.discovery.engine.feed import Feed
from scraper.discovery.groups import DiscoveryError
from scraper.discovery.kubernetes.client import Event, GoneError, KubernetesClient
from scraper.discovery.kubernetes.cluster import Cluster
from scraper.discovery.kubernetes.target_table import TargetTable

_LONGEST_WAIT_S = 30.0


class Watcher:
    """Lists a resource, then watches it; lists again only if the version has expired.

    Objects stay known while the API server cannot be reached.

    Attributes:
        synced: set after the first list.
    """

    def __init__(
        self,
        client: KubernetesClient,
        cluster: Callable[[], Awaitable[Cluster]],
        table: TargetTable,
        feed: Feed,
        changed: Callable[[], None],
    ) -> None:
        """Prepare.

        Args:
            client: lists and watches the resource.
            cluster: returns the API server, called before each request.
            table: receives the objects.
            feed: receives successes and failures.
            changed: called when groups of the table have changed.
        """
        self.synced = asyncio.Event()
        self._client, self._cluster, self._table = client, cluster, table
        self._feed, self._changed = feed, changed
        self._resource = client.resource.name
        self._place = {"resource": self._resource, "namespace": client.namespace or "all"}
        self._version = ""
        self._events = 0

    async def run(self) -> None:
        """Keep the objects in sync, until cancelled."""
        backoff = Backoff(_LONGEST_WAIT_S)
        now_s = asyncio.get_running_loop().time
        while True:
            events, begin_s = self._events, now_s()
            try:
                if not self._version:
                    await self._list()
                    # A list does not reset the wait: lists are costly, so that a server
                    # on which each watch fails at once must not be asked for many.
                await self._client.watch(await self._cluster(), self._version, self._handle)
                self._feed.succeeded(**self._place)
            except GoneError as exc:
                self._version = ""
                self._feed.failed(exc, **self._place)
            except DiscoveryError as exc:
                self._feed.failed(exc, **self._place)
            if self._events > events or now_s() - begin_s > _LONGEST_WAIT_S:
                backoff.reset()
            await asyncio.sleep(backoff.next_s())

    async def _list(self) -> None:
        listing = await self._client.list(await self._cluster())
        changed = False
        for key in self._known() - listing.objects.keys():
            changed |= self._table.put(self._resource, key, None)
        for key, found in listing.objects.items():
            changed |= self._table.put(self._resource, key, found)
        self._version = listing.version
        self._feed.succeeded(**self._place)
        for error in listing.errors[:1]:
            self._feed.failed(DiscoveryError(error), **self._place)
        self.synced.set()
        if changed:
            self._changed()

    def _known(self) -> set[str]:
        """Return the keys of the objects that this watcher has put into the table."""
        keys = self._table.keys(self._resource)
        if not self._client.namespace or not self._client.resource.is_namespaced:
            return keys
        return {key for key in keys if key.startswith(f"{self._client.namespace}/")}

    def _handle(self, event: Event) -> None:
        self._events += 1
        self._version = event.version or self._version
        if event.error:
            self._feed.failed(DiscoveryError(event.error), **self._place)
        elif event.key and self._table.put(self._resource, event.key, event.found):
            self._changed()
