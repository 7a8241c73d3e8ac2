"""Nomad discovery: the services that Nomad itself registers.

Source: Nomad documentation, "Services HTTP API"; Prometheus documentation,
"Configuration", nomad_sd_config.
"""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from pydantic import Field, TypeAdapter

from scraper.discovery.engine.api import ApiObject, ApiRequest, get
from scraper.discovery.engine.target_labels import ADDRESS, host_port, joined, prefixed, target
from scraper.discovery.groups import TargetGroup
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession

_PREFIX = "__meta_nomad_"


class _ServiceName(ApiObject):
    name: str = Field(alias="ServiceName")


class _OfNamespace(ApiObject):
    services: tuple[_ServiceName, ...] = Field((), alias="Services")


class _NomadInstance(ApiObject):
    id: str = Field("", alias="ID")
    name: str = Field("", alias="ServiceName")
    namespace: str = Field("", alias="Namespace")
    node_id: str = Field("", alias="NodeID")
    datacenter: str = Field("", alias="Datacenter")
    address: str = Field("", alias="Address")
    port: int = Field(0, alias="Port")
    tags: tuple[str, ...] = Field((), alias="Tags")


_LIST = TypeAdapter(list[_OfNamespace])
_INSTANCES = TypeAdapter(list[_NomadInstance])


@dataclass(frozen=True, slots=True)
class NomadLookup:
    """Lists the services of a namespace, then the instances of each.

    Attributes:
        server: the URL of an agent.
        access: credentials, TLS and proxy.
        namespace, region: restrict the services.
        allow_stale: whether any server may answer, not only the leader.
        tag_separator: stands between the tags of an instance.
    """

    server: str
    access: HttpAccess
    namespace: str
    region: str
    allow_stale: bool
    tag_separator: str

    @property
    def mechanism(self) -> str:
        """See `Lookup.mechanism`."""
        return "nomad"

    @property
    def place(self) -> dict[str, str]:
        """See `Lookup.place`."""
        return {"server": self.server}

    async def groups(self, session: HttpSession) -> list[TargetGroup]:
        """See `Lookup.groups`."""
        found = await get(session, self._request("/v1/services"), _LIST)
        names = dict.fromkeys(each.name for part in found for each in part.services)
        groups: list[TargetGroup] = []
        for name in names:
            wanted = self._request(f"/v1/service/{quote(name, safe='')}")
            groups += [self._target(each) for each in await get(session, wanted, _INSTANCES)]
        return groups

    def _request(self, path: str) -> ApiRequest:
        query = {"namespace": self.namespace, "region": self.region}
        query |= {"stale": ""} if self.allow_stale else {}
        return ApiRequest(f"{self.server.rstrip('/')}{path}?{urlencode(query)}", self.access)

    def _target(self, found: _NomadInstance) -> TargetGroup:
        meta = {
            "address": found.address,
            "dc": found.datacenter,
            "node_id": found.node_id,
            "namespace": found.namespace,
            "service": found.name,
            "service_address": found.address,
            "service_id": found.id,
            "service_port": str(found.port),
            "tags": joined(found.tags, self.tag_separator),
        }
        return target(prefixed(_PREFIX, meta) | {ADDRESS: host_port(found.address, found.port)})
