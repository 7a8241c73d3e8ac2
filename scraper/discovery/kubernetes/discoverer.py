"""The discoverer of a Kubernetes cluster.

Source: Prometheus documentation, "Configuration", kubernetes_sd_config.
"""

import asyncio
from dataclasses import dataclass

from scraper.discovery.engine.backoff import Backoff
from scraper.discovery.engine.feed import Feed
from scraper.discovery.groups import DiscoveryError
from scraper.discovery.kubernetes.client import KubernetesClient, ObjectSelector
from scraper.discovery.kubernetes.cluster import Cluster, ClusterSource
from scraper.discovery.kubernetes.resources import Role, resources_of
from scraper.discovery.kubernetes.target_table import TargetTable
from scraper.discovery.kubernetes.watcher import Watcher
from scraper.fetching.http_session import HttpSession

# Prometheus, too, applies changes of its targets at most every 5 s.
_PUBLISH_S = 5.0
_LONGEST_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class KubernetesDiscoverer:
    """Watches the objects of a role.

    Attributes:
        source: finds the API server.
        role: which objects become targets.
        namespaces: restricts the objects; empty for all namespaces.
        own_namespace: whether the pod's own namespace belongs to `namespaces`.
        selectors: restrict the objects of a role further.
        attach_node: whether targets get the labels of their node.
        publish_s: shortest time between two publications.
    """

    source: ClusterSource
    role: Role
    namespaces: tuple[str, ...] = ()
    own_namespace: bool = False
    selectors: tuple[tuple[Role, ObjectSelector], ...] = ()
    attach_node: bool = False
    publish_s: float = _PUBLISH_S

    @property
    def mechanism(self) -> str:
        """See `Discoverer.mechanism`."""
        return "kubernetes"

    async def run(self, session: HttpSession, feed: Feed) -> None:
        """See `Discoverer.run`."""
        namespaces = await self._all_namespaces(feed)
        selectors = dict(self.selectors)
        resources = resources_of(self.role, attach_node=self.attach_node)
        table = TargetTable(resources[0].name, attach_node=self.attach_node)
        changed = asyncio.Event()
        watchers = [
            Watcher(
                KubernetesClient(
                    session, resource, namespace, selectors.get(resource.role, ObjectSelector())
                ),
                self._cluster,
                table,
                feed,
                changed.set,
            )
            for resource in resources
            for namespace in (namespaces if resource.is_namespaced else ("",))
        ]
        async with asyncio.TaskGroup() as tasks:
            for watcher in watchers:
                tasks.create_task(watcher.run())
            for watcher in watchers:
                await watcher.synced.wait()
            while True:
                changed.clear()
                feed.publish(table.groups())
                await asyncio.sleep(self.publish_s)
                await changed.wait()

    async def _cluster(self) -> Cluster:
        return await asyncio.to_thread(self.source.find)

    async def _all_namespaces(self, feed: Feed) -> tuple[str, ...]:
        """Return the namespaces to watch, ("",) for all; wait until they are known."""
        if not self.own_namespace:
            return self.namespaces or ("",)
        backoff = Backoff(_LONGEST_WAIT_S)
        while True:
            try:
                own = (await self._cluster()).namespace
                if own:
                    return tuple(dict.fromkeys([*self.namespaces, own]))
                feed.failed(DiscoveryError("the namespace of this pod is unknown"))
            except DiscoveryError as exc:
                feed.failed(exc)
            await asyncio.sleep(backoff.next_s())
