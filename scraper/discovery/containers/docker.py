"""Docker discovery: the running containers of a daemon.

Source: Docker documentation, "Docker Engine API", ContainerList; Prometheus
documentation, "Configuration", docker_sd_config.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import Field, TypeAdapter

from scraper.discovery.containers.docker_api import DockerDaemon, Filters
from scraper.discovery.engine.api import ApiObject
from scraper.discovery.engine.target_labels import (
    ADDRESS,
    host_port,
    labels_of_map,
    prefixed,
    target,
)
from scraper.discovery.groups import TargetGroup
from scraper.fetching.http_session import HttpSession

_PREFIX = "__meta_docker_"
_SHARED_MODE = "container:"


class _DockerPort(ApiObject):
    private: int = Field(0, alias="PrivatePort")
    public: int = Field(0, alias="PublicPort")
    ip: str = Field("", alias="IP")
    type: str = Field("", alias="Type")


class _ContainerEndpoint(ApiObject):
    network_id: str = Field("", alias="NetworkID")
    ip: str = Field("", alias="IPAddress")


class _NetworkSettings(ApiObject):
    networks: dict[str, _ContainerEndpoint | None] = Field({}, alias="Networks")


class _HostConfig(ApiObject):
    network_mode: str = Field("", alias="NetworkMode")


class _Container(ApiObject):
    id: str = Field(alias="Id")
    names: tuple[str, ...] = Field((), alias="Names")
    labels: dict[str, str] = Field({}, alias="Labels")
    ports: tuple[_DockerPort, ...] = Field((), alias="Ports")
    host: _HostConfig = Field(_HostConfig(), alias="HostConfig")
    settings: _NetworkSettings = Field(_NetworkSettings(), alias="NetworkSettings")


_CONTAINERS = TypeAdapter(list[_Container])


@dataclass(frozen=True, slots=True)
class DockerLookup:
    """Lists the containers of a daemon.

    Attributes:
        daemon: the daemon.
        port: the port of containers that expose none.
        filters: restrict the containers.
        host_networking_host: the address of containers in the network of the host.
        match_first_network: whether a container of several networks is one target only.
    """

    daemon: DockerDaemon
    port: int
    filters: Filters
    host_networking_host: str
    match_first_network: bool

    @property
    def mechanism(self) -> str:
        """See `Lookup.mechanism`."""
        return "docker"

    @property
    def place(self) -> dict[str, str]:
        """See `Lookup.place`."""
        return {"host": self.daemon.host}

    async def groups(self, session: HttpSession) -> list[TargetGroup]:
        """See `Lookup.groups`."""
        found = await self.daemon.get(session, "/containers/json", _CONTAINERS, self.filters)
        networks = await self.daemon.network_labels(session, _PREFIX)
        known = {container.id: container for container in found}
        return [
            group
            for container in found
            if container.names
            for endpoint in self._endpoints(container, known)
            for group in self._targets(container, endpoint, networks.get(endpoint.network_id, {}))
        ]

    def _endpoints(
        self, container: _Container, known: Mapping[str, _Container]
    ) -> list[_ContainerEndpoint]:
        """Return the network endpoints of a container, or of the one whose network it shares."""
        seen: set[str] = set()
        while not container.settings.networks:
            mode = container.host.network_mode
            other = known.get(mode.removeprefix(_SHARED_MODE))
            # A container may name itself, or two each other.
            if not mode.startswith(_SHARED_MODE) or other is None or other.id in seen:
                return []
            seen.add(other.id)
            container = other
        endpoints = [each for _, each in sorted(container.settings.networks.items()) if each]
        return endpoints[:1] if self.match_first_network else endpoints

    def _targets(
        self, container: _Container, endpoint: _ContainerEndpoint, network: Mapping[str, str]
    ) -> Iterator[TargetGroup]:
        common = {
            **prefixed(
                _PREFIX,
                {
                    "container_id": container.id,
                    "container_name": container.names[0],
                    "container_network_mode": container.host.network_mode,
                    "network_ip": endpoint.ip,
                },
            ),
            **labels_of_map(f"{_PREFIX}container_label_", container.labels),
            **network,
        }
        ports = [port for port in container.ports if port.type == "tcp"]
        for port in ports:
            meta = {
                "port_private": str(port.private),
                "port_public": str(port.public) if port.public > 0 else None,
                "port_public_ip": port.ip if port.public > 0 else None,
            }
            address = {ADDRESS: host_port(endpoint.ip, port.private)}
            yield target(common | prefixed(_PREFIX, meta) | address)
        if not ports:
            is_host = container.host.network_mode == "host"
            own = self.host_networking_host if is_host else host_port(endpoint.ip, self.port)
            yield target(common | {ADDRESS: own})
