import json
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given

from scraper.discovery.clouds.openstack import _SERVERS, OpenStackLookup, OpenStackRole
from scraper.discovery.clouds.openstack_session import OpenStackAccount
from scraper.discovery.groups import DiscoveryError
from scraper.fetching.http_access import HttpAccess
from tests.scraper.discovery.api_server import ApiServer, labels_by_address, looked_up
from tests.scraper.discovery.hostile import hostile

SERVERS: list[dict[str, Any]] = [
    {
        "id": "i1",
        "name": "web",
        "status": "ACTIVE",
        "tenant_id": "p1",
        "user_id": "u1",
        "flavor": {"original_name": "m1.small"},
        "image": {"id": "img"},
        "metadata": {"env-x": "prod"},
        "addresses": {
            "private": [{"addr": "10.0.0.1", "version": 4}, {"addr": "203.0.113.1"}],
        },
    },
    {
        "id": "i2",
        "flavor": {"id": "1"},
        "image": "",
        "addresses": {"private": [{"addr": "10.0.0.2"}], "empty": []},
    },
    {"id": "i3", "flavor": {"id": "1"}, "addresses": {}},
]
FLOATING = [
    {
        "tenant_id": "p1",
        "port_id": "port1",
        "fixed_ip_address": "10.0.0.1",
        "floating_ip_address": "203.0.113.1",
    },
    {"tenant_id": "p1", "port_id": None, "floating_ip_address": "203.0.113.2"},
    {"port_id": "vip1", "fixed_ip_address": "10.0.0.9", "floating_ip_address": "203.0.113.9"},
]
HYPERVISORS = [
    {
        "id": 4,
        "hypervisor_hostname": "one",
        "host_ip": "192.168.0.1",
        "status": "enabled",
        "state": "up",
        "hypervisor_type": "QEMU",
    }
]
BALANCERS = [
    {
        "id": "lb1",
        "name": "front",
        "operating_status": "ONLINE",
        "provisioning_status": "ACTIVE",
        "availability_zone": "az",
        "vip_address": "10.0.0.9",
        "vip_port_id": "vip1",
        "provider": "octavia",
        "project_id": "p1",
        "tags": ["a", "b"],
    },
    {"id": "lb2", "vip_address": "10.0.0.10"},
]
LISTENERS = [
    {"protocol": "HTTP", "protocol_port": 80, "loadbalancers": [{"id": "lb1"}, {"id": "lb2"}]},
    {"protocol": "PROMETHEUS", "protocol_port": 8088, "loadbalancers": [{"id": "lb1"}]},
]


class OpenStack(ApiServer):
    def __init__(self) -> None:
        super().__init__(
            {
                "/identity/v3/auth/tokens": self._token,
                "/compute/os-hypervisors/detail": {"hypervisors": HYPERVISORS},
                "/compute/servers/detail": self._servers,
                "/network/v2.0/ports": {"ports": [{"id": "port1", "device_id": "i1"}]},
                "/network/v2.0/floatingips": {"floatingips": FLOATING},
                "/lb/v2.0/lbaas/loadbalancers": {"loadbalancers": BALANCERS},
                "/lb/v2.0/lbaas/listeners": {"listeners": LISTENERS},
            }
        )

    def _token(self, _: web.Request) -> web.Response:
        def service(kind: str, path: str) -> dict[str, Any]:
            other = {"interface": "admin", "region_id": "r1", "url": "http://admin.example"}
            own = {"interface": "public", "region_id": "r1", "url": f"{self.url}/{path}/"}
            return {"type": kind, "endpoints": [other, own]}

        services = [("compute", "compute"), ("network", "network"), ("load-balancer", "lb")]
        catalog = [service(kind, path) for kind, path in services]
        return web.json_response(
            {"token": {"catalog": catalog}}, status=201, headers={"X-Subject-Token": "hush"}
        )

    def _servers(self, request: web.Request) -> dict[str, Any]:
        if "marker" in request.query:
            return {"servers": SERVERS[1:]}
        link = {"rel": "next", "href": f"{self.url}/compute/servers/detail?marker=i1"}
        return {"servers": SERVERS[:1], "servers_links": [link]}


ACCOUNT = {"username": "me", "password": "pw", "project_name": "p", "domain_name": "d"}


def lookup(url: str, role: OpenStackRole, **more: Any) -> OpenStackLookup:
    account = OpenStackAccount(f"{url}/identity/v3", **(more.pop("account", ACCOUNT)))
    options: dict[str, Any] = {"region": "r1", "availability": "public", "all_tenants": False}
    return OpenStackLookup(account, HttpAccess(), role, port=80, **(options | more))


async def found(role: OpenStackRole) -> dict[str, dict[str, str]]:
    async with OpenStack().serving() as api:
        return labels_by_address(await looked_up(lookup(api.url, role)), "__meta_openstack_")


async def test_instances_are_targets_at_their_private_addresses() -> None:
    assert await found("instance") == {
        "10.0.0.1:80": {
            "address_pool": "private",
            "instance_flavor": "m1.small",
            "instance_id": "i1",
            "instance_image": "img",
            "instance_name": "web",
            "instance_status": "ACTIVE",
            "private_ip": "10.0.0.1",
            "project_id": "p1",
            "public_ip": "203.0.113.1",
            "tag_env_x": "prod",
            "user_id": "u1",
        },
        "10.0.0.2:80": {
            "address_pool": "private",
            "instance_flavor": "1",
            "instance_id": "i2",
            "private_ip": "10.0.0.2",
        },
    }


async def test_hypervisors_are_targets() -> None:
    assert await found("hypervisor") == {
        "192.168.0.1:80": {
            "hypervisor_id": "4",
            "hypervisor_hostname": "one",
            "hypervisor_host_ip": "192.168.0.1",
            "hypervisor_status": "enabled",
            "hypervisor_state": "up",
            "hypervisor_type": "QEMU",
        }
    }


async def test_load_balancers_with_a_prometheus_listener_are_targets() -> None:
    assert await found("loadbalancer") == {
        "10.0.0.9:8088": {
            "loadbalancer_availability_zone": "az",
            "loadbalancer_floating_ip": "203.0.113.9",
            "loadbalancer_id": "lb1",
            "loadbalancer_name": "front",
            "loadbalancer_operating_status": "ONLINE",
            "loadbalancer_provider": "octavia",
            "loadbalancer_provisioning_status": "ACTIVE",
            "loadbalancer_tags": "a,b",
            "loadbalancer_vip": "10.0.0.9",
            "project_id": "p1",
        }
    }


async def test_password_is_exchanged_for_a_token_of_the_project() -> None:
    async with OpenStack().serving() as api:
        await looked_up(lookup(api.url, "instance", all_tenants=True))
    assert json.loads(api.bodies[0]) == {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": "me", "domain": {"name": "d"}, "password": "pw"}},
            },
            "scope": {"project": {"name": "p", "domain": {"name": "d"}}},
        }
    }
    assert {each.headers.get("X-Auth-Token") for each in api.requests[1:]} == {"hush"}
    (first, *_) = [each for each in api.requests if each.path == "/compute/servers/detail"]
    assert first.query["all_tenants"] == "true"


def test_application_credential_has_no_scope() -> None:
    by_id = OpenStackAccount("http://x", application_id="a", application_secret="s")
    assert json.loads(by_id.body())["auth"] == {
        "identity": {
            "methods": ["application_credential"],
            "application_credential": {"secret": "s", "id": "a"},
        }
    }
    by_name = OpenStackAccount("http://x", user_id="u", application_name="n")
    identity = json.loads(by_name.body())["auth"]["identity"]
    assert identity["application_credential"] == {"secret": "", "name": "n", "user": {"id": "u"}}


@pytest.mark.parametrize("path", ["", "/", "/v3", "/v2.0/", "/v3/"])
def test_tokens_are_those_of_version_3(path: str) -> None:
    assert OpenStackAccount(f"http://x:5000{path}").token_url() == "http://x:5000/v3/auth/tokens"


async def test_unknown_region_fails_the_lookup() -> None:
    async with OpenStack().serving() as api:
        with pytest.raises(DiscoveryError, match="no public endpoint of compute in the region"):
            await looked_up(lookup(api.url, "hypervisor", region="r9"))


async def test_token_does_not_go_to_another_server() -> None:
    async with OpenStack().serving() as api:
        link = {"rel": "next", "href": "http://elsewhere.example/"}
        page = {"hypervisors": HYPERVISORS, "hypervisors_links": [link]}
        api.answers = {**api.answers, "/compute/os-hypervisors/detail": page}
        with pytest.raises(DiscoveryError, match=r"the next page is at http://elsewhere"):
            await looked_up(lookup(api.url, "hypervisor"))


@given(hostile(SERVERS))
def test_hostile_servers_are_refused_or_targets(servers: Any) -> None:
    try:
        read = _SERVERS.validate_python(servers)
    except ValueError:
        return
    for server in read:
        for group in lookup("http://x", "instance")._of_server(server, {}):
            assert all(isinstance(text, str) for pair in group.labels for text in pair)
