"""OpenStack discovery: instances, hypervisors or load balancers of a region.

Source: OpenStack documentation, "Compute API", "Networking API v2.0" and "Load Balancer
API"; Prometheus documentation, "Configuration", openstack_sd_config.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, TypeAdapter

from scraper.discovery.clouds.openstack_session import (
    OpenStackAccount,
    OpenStackSession,
    log_in,
)
from scraper.discovery.engine.api import ApiObject
from scraper.discovery.engine.target_labels import (
    ADDRESS,
    host_port,
    labels_of_map,
    prefixed,
    target,
)
from scraper.discovery.groups import TargetGroup
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession

OpenStackRole = Literal["instance", "hypervisor", "loadbalancer"]

_PREFIX = "__meta_openstack_"
_EXPOSING_PROTOCOL = "PROMETHEUS"


class _ServerAddress(ApiObject):
    addr: str = ""


class _Flavor(ApiObject):
    id: str = ""
    original_name: str = ""


class _OpenStackServer(ApiObject):
    id: str
    name: str = ""
    status: str = ""
    tenant_id: str = ""
    user_id: str = ""
    flavor: _Flavor = _Flavor()
    # "" for an instance that boots from a volume.
    image: dict[str, Any] | str = ""
    metadata: dict[str, str] = Field({})
    addresses: dict[str, tuple[_ServerAddress, ...]] = Field({})


class _NetworkPort(ApiObject):
    id: str
    device_id: str = ""


class _FloatingIp(ApiObject):
    tenant_id: str = ""
    port_id: str = ""
    fixed: str = Field("", alias="fixed_ip_address")
    floating: str = Field("", alias="floating_ip_address")


class _Hypervisor(ApiObject):
    id: str | int
    hostname: str = Field("", alias="hypervisor_hostname")
    host_ip: str = ""
    status: str = ""
    state: str = ""
    type: str = Field("", alias="hypervisor_type")


class _BalancerReference(ApiObject):
    id: str = ""


class _Listener(ApiObject):
    protocol: str = ""
    port: int = Field(0, alias="protocol_port")
    balancers: tuple[_BalancerReference, ...] = Field((), alias="loadbalancers")


class _LoadBalancer(ApiObject):
    id: str
    name: str = ""
    operating_status: str = ""
    provisioning_status: str = ""
    availability_zone: str = ""
    address: str = Field("", alias="vip_address")
    port_id: str = Field("", alias="vip_port_id")
    provider: str = ""
    project_id: str = ""
    tags: tuple[str, ...] = ()


_SERVERS = TypeAdapter(list[_OpenStackServer])
_PORTS = TypeAdapter(list[_NetworkPort])
_FLOATING_IPS = TypeAdapter(list[_FloatingIp])
_HYPERVISORS = TypeAdapter(list[_Hypervisor])
_LISTENERS = TypeAdapter(list[_Listener])
_LOAD_BALANCERS = TypeAdapter(list[_LoadBalancer])


@dataclass(frozen=True, slots=True)
class OpenStackLookup:
    """Lists the objects of a role.

    Attributes:
        account: the credentials.
        access: TLS and proxy.
        role: which objects become targets.
        region, availability: the endpoints that are used.
        port: the port of instances and hypervisors.
        all_tenants: whether instances of all projects are listed, not only the account's.
    """

    account: OpenStackAccount
    access: HttpAccess
    role: OpenStackRole
    region: str
    availability: str
    port: int
    all_tenants: bool

    @property
    def mechanism(self) -> str:
        """See `Lookup.mechanism`."""
        return "openstack"

    @property
    def place(self) -> dict[str, str]:
        """See `Lookup.place`."""
        return {"region": self.region}

    async def groups(self, session: HttpSession) -> list[TargetGroup]:
        """See `Lookup.groups`."""
        logged_in = await log_in(session, self.account, self.access, self.region, self.availability)
        match self.role:
            case "hypervisor":
                return await self._hypervisors(logged_in)
            case "instance":
                return await self._instances(logged_in)
            case "loadbalancer":
                return await self._load_balancers(logged_in)

    async def _hypervisors(self, session: OpenStackSession) -> list[TargetGroup]:
        url = f"{session.endpoint('compute')}/os-hypervisors/detail"
        return [
            target(
                prefixed(
                    f"{_PREFIX}hypervisor_",
                    {
                        "id": str(found.id),
                        "hostname": found.hostname,
                        "host_ip": found.host_ip,
                        "status": found.status,
                        "state": found.state,
                        "type": found.type,
                    },
                )
                | {ADDRESS: host_port(found.host_ip, self.port)}
            )
            for found in await session.all(url, "hypervisors", _HYPERVISORS)
        ]

    async def _instances(self, session: OpenStackSession) -> list[TargetGroup]:
        network = _network(session)
        ports = await session.all(f"{network}/ports", "ports", _PORTS)
        devices = {port.id: port.device_id for port in ports}
        floating: dict[tuple[str, str, str], str] = {}
        for ip in await session.all(f"{network}/floatingips", "floatingips", _FLOATING_IPS):
            if ip.fixed and ip.port_id in devices:
                floating[ip.tenant_id, devices[ip.port_id], ip.fixed] = ip.floating
        query = "?all_tenants=true" if self.all_tenants else ""
        url = f"{session.endpoint('compute')}/servers/detail{query}"
        return [
            group
            for server in await session.all(url, "servers", _SERVERS)
            for group in self._of_server(server, floating)
        ]

    def _of_server(
        self, server: _OpenStackServer, floating: Mapping[tuple[str, str, str], str]
    ) -> Iterator[TargetGroup]:
        """Yield each private address of an instance."""
        flavor = server.flavor.original_name or server.flavor.id
        if not flavor:
            return
        image = server.image.get("id") if isinstance(server.image, dict) else None
        common = prefixed(
            _PREFIX,
            {
                "instance_id": server.id,
                "instance_name": server.name,
                "instance_status": server.status,
                "instance_flavor": flavor,
                "instance_image": image if isinstance(image, str) else None,
                "project_id": server.tenant_id,
                "user_id": server.user_id,
            },
        ) | labels_of_map(f"{_PREFIX}tag_", server.metadata)
        public = set(floating.values())
        for pool, addresses in server.addresses.items():
            for address in addresses:
                if not address.addr or address.addr in public:
                    continue
                meta = {
                    "address_pool": pool,
                    "private_ip": address.addr,
                    "public_ip": floating.get((server.tenant_id, server.id, address.addr)),
                }
                own = {ADDRESS: host_port(address.addr, self.port)}
                yield target(common | prefixed(_PREFIX, meta) | own)

    async def _load_balancers(self, session: OpenStackSession) -> list[TargetGroup]:
        base = f"{session.endpoint('load-balancer')}/v2.0/lbaas"
        balancers = await session.all(f"{base}/loadbalancers", "loadbalancers", _LOAD_BALANCERS)
        ports: dict[str, int] = {}
        for listener in await session.all(f"{base}/listeners", "listeners", _LISTENERS):
            for balancer in listener.balancers:
                if listener.protocol == _EXPOSING_PROTOCOL:
                    ports.setdefault(balancer.id, listener.port)
        url = f"{_network(session)}/floatingips"
        floating = {
            ip.port_id: ip.floating for ip in await session.all(url, "floatingips", _FLOATING_IPS)
        }
        return [
            _of_load_balancer(balancer, ports[balancer.id], floating.get(balancer.port_id or "-"))
            for balancer in balancers
            if balancer.id in ports
        ]


def _network(session: OpenStackSession) -> str:
    return f"{session.endpoint('network')}/v2.0"


def _of_load_balancer(found: _LoadBalancer, port: int, floating: str | None) -> TargetGroup:
    meta = {
        "loadbalancer_id": found.id,
        "loadbalancer_name": found.name,
        "loadbalancer_operating_status": found.operating_status,
        "loadbalancer_provisioning_status": found.provisioning_status,
        "loadbalancer_availability_zone": found.availability_zone,
        "loadbalancer_floating_ip": floating,
        "loadbalancer_vip": found.address,
        "loadbalancer_provider": found.provider,
        "loadbalancer_tags": ",".join(found.tags),
        "project_id": found.project_id,
    }
    return target(prefixed(_PREFIX, meta) | {ADDRESS: host_port(found.address, port)})
