"""Consul discovery: the instances of the catalog's services, by blocking queries.

Source: Consul documentation, "HTTP API": "Blocking Queries", "Catalog", "Health";
Prometheus documentation, "Configuration", consul_sd_config.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote, urlencode

from pydantic import Field, TypeAdapter

from scraper.discovery.engine.api import ApiObject, ApiRequest, decode, get, request
from scraper.discovery.engine.backoff import Backoff
from scraper.discovery.engine.feed import Feed
from scraper.discovery.engine.target_labels import (
    ADDRESS,
    host_port,
    labels_of_map,
    prefixed,
    target,
)
from scraper.discovery.groups import DiscoveryError, TargetGroup
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession

T = TypeVar("T")

_PREFIX = "__meta_consul_"
# How long the server waits for a change before it answers.
_WAIT_S = 120.0
# Consul answers up to a sixteenth later, so that not all clients return at once.
_SPARE_S = 15.0


class _ConsulNode(ApiObject):
    name: str = Field("", alias="Node")
    address: str = Field("", alias="Address")
    meta: dict[str, str] = Field({}, alias="Meta")
    tagged_addresses: dict[str, str] = Field({}, alias="TaggedAddresses")


class _ConsulService(ApiObject):
    id: str = Field("", alias="ID")
    address: str = Field("", alias="Address")
    port: int = Field(0, alias="Port")
    tags: tuple[str, ...] = Field((), alias="Tags")
    meta: dict[str, str] = Field({}, alias="Meta")
    namespace: str = Field("", alias="Namespace")
    partition: str = Field("", alias="Partition")


class _Check(ApiObject):
    id: str = Field("", alias="CheckID")
    status: str = Field("", alias="Status")


class _ConsulInstance(ApiObject):
    node: _ConsulNode = Field(_ConsulNode(), alias="Node")
    service: _ConsulService = Field(_ConsulService(), alias="Service")
    checks: tuple[_Check, ...] = Field((), alias="Checks")

    @property
    def health(self) -> str:
        """The worst state of the checks, "" if one is unknown."""
        states = {_state(check) for check in self.checks}
        if "" in states:
            return ""
        ranking = ("maintenance", "critical", "warning")
        return next((state for state in ranking if state in states), "passing")


class _AgentConfig(ApiObject):
    datacenter: str = Field(alias="Datacenter")


class _Agent(ApiObject):
    config: _AgentConfig = Field(alias="Config")


_SERVICES = TypeAdapter(dict[str, tuple[str, ...] | None])
_INSTANCES = TypeAdapter(list[_ConsulInstance])
_AGENT = TypeAdapter(_Agent)


def _state(check: _Check) -> str:
    if check.id == "_node_maintenance" or check.id.startswith("_service_maintenance:"):
        return "maintenance"
    return check.status if check.status in ("passing", "warning", "critical") else ""


@dataclass(frozen=True, slots=True)
class ConsulDiscoverer:
    """Watches services and their instances.

    Attributes:
        url: the URL of an agent, with its path prefix.
        access: credentials, TLS and proxy; the token is a header.
        refresh_s: shortest time between two answers of one query.
        datacenter: "" for the agent's own.
        scope: further parameters of each query: namespace, partition, node metadata.
        services: the names of the services; empty for all.
        tags: a service needs all of them.
        filter, health_filter: expressions that restrict services and instances.
        allow_stale: whether any server may answer, not only the leader.
        tag_separator: stands between the tags of an instance.
    """

    url: str
    access: HttpAccess
    refresh_s: float
    datacenter: str
    scope: tuple[tuple[str, str], ...]
    services: tuple[str, ...]
    tags: tuple[str, ...]
    filter: str
    health_filter: str
    allow_stale: bool
    tag_separator: str

    @property
    def mechanism(self) -> str:
        """See `Discoverer.mechanism`."""
        return "consul"

    async def run(self, session: HttpSession, feed: Feed) -> None:
        """See `Discoverer.run`."""
        async with asyncio.TaskGroup() as tasks:
            watch = _Watch(self, session, feed, tasks)
            await watch.find_datacenter()
            if self.services and not self.tags:
                watch.replace(self.services)
            else:
                await watch.follow_catalog()


class _Watch:
    """One run of a discoverer: a task for each service."""

    def __init__(
        self,
        discoverer: ConsulDiscoverer,
        session: HttpSession,
        feed: Feed,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._own, self._session, self._feed, self._tasks = discoverer, session, feed, tasks
        self._datacenter = discoverer.datacenter
        self._running: dict[str, asyncio.Task[None]] = {}
        self._groups: dict[str, Sequence[TargetGroup]] = {}

    async def find_datacenter(self) -> None:
        """Ask the agent for its datacenter if none is configured."""
        backoff = Backoff(self._own.refresh_s)
        while not self._datacenter:
            wanted = ApiRequest(f"{self._own.url}/v1/agent/self", self._own.access)
            try:
                agent = await get(self._session, wanted, _AGENT)
            except DiscoveryError as exc:
                self._feed.failed(exc, server=self._own.url)
                await asyncio.sleep(backoff.next_s())
            else:
                self._datacenter = agent.config.datacenter

    def replace(self, names: Iterable[str]) -> None:
        """Watch these services, and no others."""
        wanted = set(names)
        for name in self._running.keys() - wanted:
            self._running.pop(name).cancel()
            self._groups.pop(name, None)
        for name in sorted(wanted - self._running.keys()):
            self._running[name] = self._tasks.create_task(self._follow(name))
        self._publish()

    def _publish(self) -> None:
        """Publish all groups, once each service has answered."""
        if self._groups.keys() >= self._running.keys():
            self._feed.publish(
                [group for name in sorted(self._groups) for group in self._groups[name]]
            )

    async def follow_catalog(self) -> None:
        """Watch the services that the catalog lists, until cancelled."""
        own = self._own
        query = _BlockingQuery(self, "/v1/catalog/services", {"filter": own.filter}, "catalog")
        while True:
            if (found := await query.next(_SERVICES)) is None:
                continue
            self.replace(
                name
                for name, tags in found.items()
                if (not own.services or name in own.services) and set(own.tags) <= set(tags or ())
            )

    async def _follow(self, name: str) -> None:
        """Publish the instances of a service whenever they change, until cancelled."""
        own = self._own
        path = f"/v1/health/service/{quote(name, safe='')}"
        query = _BlockingQuery(self, path, {"filter": own.health_filter}, name, own.tags)
        while True:
            if (found := await query.next(_INSTANCES)) is not None:
                self._groups[name] = [self._target(name, each) for each in found]
                self._publish()

    def _target(self, name: str, found: _ConsulInstance) -> TargetGroup:
        node, service = found.node, found.service
        separator = self._own.tag_separator
        meta = {
            "address": node.address,
            "node": node.name,
            "tags": f"{separator}{separator.join(service.tags)}{separator}",
            "service": name,
            "service_address": service.address,
            "service_port": str(service.port),
            "service_id": service.id,
            "health": found.health,
            "dc": self._datacenter,
            "namespace": service.namespace,
            "partition": service.partition,
        }
        return target(
            labels_of_map(f"{_PREFIX}metadata_", node.meta)
            | labels_of_map(f"{_PREFIX}service_metadata_", service.meta)
            | labels_of_map(f"{_PREFIX}tagged_address_", node.tagged_addresses)
            | prefixed(_PREFIX, meta)
            | {ADDRESS: host_port(service.address or node.address, service.port)}
        )

    def url(self, path: str, index: int, more: dict[str, str], tags: tuple[str, ...]) -> str:
        """Return the URL of a blocking query."""
        own = self._own
        query = [*own.scope, *((name, value) for name, value in more.items() if value)]
        query += [("tag", tag) for tag in tags]
        query += [("dc", self._datacenter)] if own.datacenter else []
        query += [("stale", "")] if own.allow_stale else []
        query += [("index", str(index)), ("wait", f"{_WAIT_S:g}s")] if index else []
        return f"{own.url}{path}?{urlencode(query)}"

    async def answer(self, url: str, place: str, adapter: TypeAdapter[T]) -> tuple[int, T] | None:
        """Return the index and the answer of a query; None after a failure."""
        wanted = ApiRequest(url, self._own.access, timeout_s=_WAIT_S + _SPARE_S)
        try:
            found = await request(self._session, wanted)
            data = await decode(adapter, found.body)
        except DiscoveryError as exc:
            self._feed.failed(exc, server=self._own.url, service=place)
            return None
        self._feed.succeeded(server=self._own.url, service=place)
        index = found.headers.get("X-Consul-Index", "")
        return int(index) if index.isdecimal() else 0, data

    @property
    def refresh_s(self) -> float:
        """The shortest time between two answers of one query."""
        return self._own.refresh_s


class _BlockingQuery:
    """A query that is repeated with the index of its last answer."""

    def __init__(
        self,
        watch: _Watch,
        path: str,
        more: dict[str, str],
        place: str,
        tags: tuple[str, ...] = (),
    ) -> None:
        self._watch, self._path, self._more = watch, path, more
        self._place, self._tags = place, tags
        self._index = 0
        self._begin_s: float | None = None
        self._backoff = Backoff(watch.refresh_s)

    async def next(self, adapter: TypeAdapter[T]) -> T | None:
        """Return the next answer; None if nothing has changed, or the query failed."""
        now_s = asyncio.get_running_loop().time
        if self._begin_s is not None:
            await asyncio.sleep(max(0.0, self._begin_s + self._watch.refresh_s - now_s()))
        self._begin_s = now_s()
        url = self._watch.url(self._path, self._index, self._more, self._tags)
        found = await self._watch.answer(url, self._place, adapter)
        if found is None:
            # The wait replaces that of the next call.
            self._begin_s = None
            await asyncio.sleep(self._backoff.next_s())
            return None
        self._backoff.reset()
        before = self._index
        # Consul's documentation: begin again when the index goes backwards.
        self._index = found[0] if found[0] >= before else 0
        return None if before and self._index == before else found[1]
