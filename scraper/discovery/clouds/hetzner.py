"""Hetzner discovery: the servers of Hetzner Cloud, or dedicated ones from Robot.

Source: Hetzner documentation, "Cloud API", Servers and Networks, and "Robot
Webservice", Server; Prometheus documentation, "Configuration", hetzner_sd_config.
"""

from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from pydantic import Field, TypeAdapter

from scraper.discovery.engine.api import ApiObject, ApiRequest, get
from scraper.discovery.engine.target_labels import (
    ADDRESS,
    boolean,
    host_port,
    labels_of_map,
    prefixed,
    sanitized,
    target,
)
from scraper.discovery.groups import DiscoveryError, TargetGroup
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession

_PREFIX = "__meta_hetzner_"
_CLOUD = "https://api.hetzner.cloud/v1"
_ROBOT = "https://robot-ws.your-server.de"
_MAX_PAGES = 1000


class _Pagination(ApiObject):
    next_page: int | None = None


class _PageMeta(ApiObject):
    pagination: _Pagination = _Pagination()


class _CloudPage(ApiObject):
    meta: _PageMeta = _PageMeta()


P = TypeVar("P", bound=_CloudPage)


class _Ip(ApiObject):
    ip: str = ""


class _PublicNet(ApiObject):
    ipv4: _Ip = _Ip()
    ipv6: _Ip = _Ip()


class _PrivateNet(ApiObject):
    network: int = 0
    ip: str = ""


class _ServerType(ApiObject):
    name: str = ""
    cores: int = 0
    cpu_type: str = ""
    memory: float = 0.0
    disk: int = 0


class _Location(ApiObject):
    name: str = ""
    network_zone: str = ""


class _Datacenter(ApiObject):
    name: str = ""
    location: _Location = _Location()


class _ServerImage(ApiObject):
    name: str = ""
    description: str = ""
    os_version: str = ""
    os_flavor: str = ""


class _CloudServer(ApiObject):
    id: int
    name: str = ""
    status: str = ""
    public_net: _PublicNet = _PublicNet()
    private_net: tuple[_PrivateNet, ...] = ()
    server_type: _ServerType = _ServerType()
    datacenter: _Datacenter = _Datacenter()
    image: _ServerImage = _ServerImage()
    labels: dict[str, str] = Field({})


class _CloudServers(_CloudPage):
    servers: tuple[_CloudServer, ...] = ()


class _CloudNetwork(ApiObject):
    id: int
    name: str = ""


class _CloudNetworks(_CloudPage):
    networks: tuple[_CloudNetwork, ...] = ()


class _Subnet(ApiObject):
    ip: str = ""
    mask: str = ""


class _Dedicated(ApiObject):
    server_ip: str = ""
    server_number: int = 0
    server_name: str = ""
    dc: str = ""
    status: str = ""
    product: str = ""
    cancelled: bool = False
    subnet: tuple[_Subnet, ...] = ()


class _DedicatedItem(ApiObject):
    server: _Dedicated


_SERVERS = TypeAdapter(_CloudServers)
_NETWORKS = TypeAdapter(_CloudNetworks)
_DEDICATED = TypeAdapter(list[_DedicatedItem])


@dataclass(frozen=True, slots=True)
class HetznerCloudLookup:
    """Lists the servers of a project in Hetzner Cloud.

    Attributes:
        access: the API token, TLS and proxy.
        port: the port of every target.
        label_selector: restricts the servers.
        server: the URL of the API.
    """

    access: HttpAccess
    port: int
    label_selector: str = ""
    server: str = _CLOUD

    @property
    def mechanism(self) -> str:
        """See `Lookup.mechanism`."""
        return "hetzner"

    @property
    def place(self) -> dict[str, str]:
        """See `Lookup.place`."""
        return {"server": self.server}

    async def groups(self, session: HttpSession) -> list[TargetGroup]:
        """See `Lookup.groups`."""
        selector = {"label_selector": self.label_selector} if self.label_selector else {}
        servers = await self._pages(session, "servers", selector, _SERVERS)
        networks = await self._pages(session, "networks", {}, _NETWORKS)
        names = {network.id: network.name for page in networks for network in page.networks}
        return [self._target(server, names) for page in servers for server in page.servers]

    async def _pages(
        self, session: HttpSession, path: str, query: dict[str, str], adapter: TypeAdapter[P]
    ) -> list[P]:
        pages: list[P] = []
        number: int | None = 1
        while number is not None:
            parameters = urlencode(query | {"page": str(number), "per_page": "50"})
            url = f"{self.server}/{path}?{parameters}"
            pages.append(await get(session, ApiRequest(url, self.access), adapter))
            number = pages[-1].meta.pagination.next_page
            if len(pages) > _MAX_PAGES:
                raise DiscoveryError(f"unexpected answer: the list of {path} does not end")
        return pages

    def _target(self, server: _CloudServer, networks: dict[int, str]) -> TargetGroup:
        kind, image, location = server.server_type, server.image, server.datacenter.location
        address = server.public_net.ipv4.ip
        meta = {
            "role": "hcloud",
            "server_id": str(server.id),
            "server_name": server.name,
            "server_status": server.status,
            "datacenter": server.datacenter.name,
            "public_ipv4": address,
            "public_ipv6_network": server.public_net.ipv6.ip,
            "hcloud_datacenter_location": location.name,
            "hcloud_datacenter_location_network_zone": location.network_zone,
            "hcloud_server_type": kind.name,
            "hcloud_cpu_cores": str(kind.cores),
            "hcloud_cpu_type": kind.cpu_type,
            "hcloud_memory_size_gb": f"{kind.memory:.0f}",
            "hcloud_disk_size_gb": str(kind.disk),
            "hcloud_image_name": image.name,
            "hcloud_image_description": image.description,
            "hcloud_image_os_version": image.os_version,
            "hcloud_image_os_flavor": image.os_flavor,
        }
        for private in server.private_net:
            if (name := networks.get(private.network)) is not None:
                meta[f"hcloud_private_ipv4_{sanitized(name)}"] = private.ip
        present = dict.fromkeys(server.labels, "true")
        return target(
            prefixed(_PREFIX, meta)
            | labels_of_map(f"{_PREFIX}hcloud_labelpresent_", present)
            | labels_of_map(f"{_PREFIX}hcloud_label_", server.labels)
            | {ADDRESS: host_port(address, self.port)}
        )


@dataclass(frozen=True, slots=True)
class HetznerRobotLookup:
    """Lists the dedicated servers of an account.

    Attributes:
        access: user name and password of the web service, TLS and proxy.
        port: the port of every target.
        server: the URL of the API.
    """

    access: HttpAccess
    port: int
    server: str = _ROBOT

    @property
    def mechanism(self) -> str:
        """See `Lookup.mechanism`."""
        return "hetzner"

    @property
    def place(self) -> dict[str, str]:
        """See `Lookup.place`."""
        return {"server": self.server}

    async def groups(self, session: HttpSession) -> list[TargetGroup]:
        """See `Lookup.groups`."""
        found = await get(session, ApiRequest(f"{self.server}/server", self.access), _DEDICATED)
        return [self._target(item.server) for item in found]

    def _target(self, server: _Dedicated) -> TargetGroup:
        networks = (f"{each.ip}/{each.mask}" for each in server.subnet if ":" in each.ip)
        meta = {
            "role": "robot",
            "server_id": str(server.server_number),
            "server_name": server.server_name,
            "server_status": server.status,
            "datacenter": server.dc.lower(),
            "public_ipv4": server.server_ip,
            "public_ipv6_network": next(networks, None),
            "robot_product": server.product,
            "robot_cancelled": boolean(server.cancelled),
        }
        return target(prefixed(_PREFIX, meta) | {ADDRESS: host_port(server.server_ip, self.port)})
