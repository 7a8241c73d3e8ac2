from typing import Any

from aiohttp import web

from scraper.discovery.clouds.hetzner import HetznerCloudLookup, HetznerRobotLookup
from scraper.fetching.http_access import HttpAccess
from tests.scraper.discovery.api_server import ApiServer, labels_by_address, looked_up
from tests.scraper.discovery.hostile import check_hostile_answers

SERVER: dict[str, Any] = {
    "id": 7,
    "name": "web",
    "status": "running",
    "public_net": {"ipv4": {"ip": "203.0.113.1"}, "ipv6": {"ip": "2001:db8::/64"}},
    "private_net": [{"network": 4, "ip": "10.0.0.2"}, {"network": 9, "ip": "10.9.0.2"}],
    "server_type": {"name": "cx22", "cores": 2, "cpu_type": "shared", "memory": 4.0, "disk": 40},
    "datacenter": {"name": "fsn1-dc14", "location": {"name": "fsn1", "network_zone": "eu-central"}},
    "image": {
        "name": "debian-12",
        "description": "Debian 12",
        "os_version": "12",
        "os_flavor": "debian",
    },
    "labels": {"team/x": "a"},
}
PRIVATE = {"id": 8, "public_net": {"ipv4": None, "ipv6": None}, "image": None, "labels": None}
NETWORKS = {"networks": [{"id": 4, "name": "my net"}], "meta": {"pagination": {"next_page": None}}}
DEDICATED = [
    {
        "server": {
            "server_ip": "203.0.113.9",
            "server_number": 321,
            "server_name": "db",
            "dc": "NBG1-DC3",
            "status": "ready",
            "product": "EX42",
            "cancelled": False,
            "subnet": [
                {"ip": "203.0.113.0", "mask": "29"},
                {"ip": "2001:db8:1::", "mask": "64"},
            ],
        }
    }
]


def servers(request: web.Request) -> dict[str, Any]:
    if request.query["page"] == "1":
        return {"servers": [SERVER], "meta": {"pagination": {"next_page": 2}}}
    return {"servers": [PRIVATE], "meta": {"pagination": {"next_page": None}}}


async def test_cloud_servers_are_targets() -> None:
    answers = {"/servers": servers, "/networks": NETWORKS}
    async with ApiServer(answers).serving() as api:
        groups = await looked_up(HetznerCloudLookup(HttpAccess(), 80, "env=prod", api.url))
    found = labels_by_address(groups, "__meta_hetzner_")
    assert sorted(found) == ["203.0.113.1:80", ":80"]
    assert found["203.0.113.1:80"] == {
        "role": "hcloud",
        "server_id": "7",
        "server_name": "web",
        "server_status": "running",
        "datacenter": "fsn1-dc14",
        "public_ipv4": "203.0.113.1",
        "public_ipv6_network": "2001:db8::/64",
        "hcloud_datacenter_location": "fsn1",
        "hcloud_datacenter_location_network_zone": "eu-central",
        "hcloud_server_type": "cx22",
        "hcloud_cpu_cores": "2",
        "hcloud_cpu_type": "shared",
        "hcloud_memory_size_gb": "4",
        "hcloud_disk_size_gb": "40",
        "hcloud_image_name": "debian-12",
        "hcloud_image_description": "Debian 12",
        "hcloud_image_os_version": "12",
        "hcloud_image_os_flavor": "debian",
        "hcloud_private_ipv4_my_net": "10.0.0.2",
        "hcloud_label_team_x": "a",
        "hcloud_labelpresent_team_x": "true",
    }
    assert api.requests[0].query["label_selector"] == "env=prod"


async def test_dedicated_servers_are_targets() -> None:
    async with ApiServer({"/server": DEDICATED}).serving() as api:
        groups = await looked_up(HetznerRobotLookup(HttpAccess(), 80, api.url))
    assert labels_by_address(groups, "__meta_hetzner_") == {
        "203.0.113.9:80": {
            "role": "robot",
            "server_id": "321",
            "server_name": "db",
            "server_status": "ready",
            "datacenter": "nbg1-dc3",
            "public_ipv4": "203.0.113.9",
            "public_ipv6_network": "2001:db8:1::/64",
            "robot_product": "EX42",
            "robot_cancelled": "false",
        }
    }


def test_hostile_answers_are_discovery_errors_or_targets() -> None:
    page = {"servers": [SERVER, PRIVATE], "meta": {"pagination": {"next_page": None}}}
    cloud = HetznerCloudLookup(HttpAccess(), 80, "", "http://x")
    check_hostile_answers(cloud, {"/servers": page, "/networks": NETWORKS})
    check_hostile_answers(HetznerRobotLookup(HttpAccess(), 80, "http://x"), {"/server": DEDICATED})
