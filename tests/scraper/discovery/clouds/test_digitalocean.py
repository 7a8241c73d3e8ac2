from typing import Any

from aiohttp import web

from scraper.discovery.clouds.digitalocean import DigitalOceanLookup
from scraper.fetching.http_access import Authorization, HttpAccess
from scraper.fetching.secrets import Secret
from tests.scraper.discovery.api_server import ApiServer, labels_by_address, looked_up
from tests.scraper.discovery.hostile import check_hostile_answers

DROPLETS: list[dict[str, Any]] = [
    {
        "id": 1,
        "name": "web",
        "image": {"slug": "debian-12", "name": "12 x64"},
        "networks": {
            "v4": [
                {"ip_address": "10.0.0.1", "type": "private"},
                {"ip_address": "203.0.113.1", "type": "public"},
            ],
            "v6": [{"ip_address": "2001:db8::1", "type": "public"}],
        },
        "region": {"slug": "fra1"},
        "size_slug": "s-1",
        "status": "active",
        "vpc_uuid": "v",
        "features": ["ipv6", "monitoring"],
        "tags": ["a"],
    },
    {"id": 2, "image": {"slug": None}, "networks": {"v4": []}},
    {"id": 3, "networks": {"v4": [{"ip_address": "203.0.113.3", "type": "public"}]}},
]


def page(request: web.Request) -> dict[str, Any]:
    number = int(request.query["page"])
    more = {"pages": {"next": "http://x"}} if number < 3 else {}
    return {"droplets": [DROPLETS[number - 1]], "links": more, "meta": {"total": 3}}


async def test_droplets_of_all_pages_are_targets() -> None:
    async with ApiServer({"/v2/droplets": page}).serving() as api:
        access = HttpAccess(Authorization("Bearer", Secret("hush")))
        groups = await looked_up(DigitalOceanLookup(access, 9100, api.url))
    found = labels_by_address(groups, "__meta_digitalocean_")
    assert sorted(found) == ["203.0.113.1:9100", "203.0.113.3:9100"]
    assert found["203.0.113.1:9100"] == {
        "droplet_id": "1",
        "droplet_name": "web",
        "image": "debian-12",
        "image_name": "12 x64",
        "private_ipv4": "10.0.0.1",
        "public_ipv4": "203.0.113.1",
        "public_ipv6": "2001:db8::1",
        "region": "fra1",
        "size": "s-1",
        "status": "active",
        "vpc": "v",
        "features": ",ipv6,monitoring,",
        "tags": ",a,",
    }
    assert api.requests[0].headers["Authorization"] == "Bearer hush"


def test_hostile_answers_are_discovery_errors_or_targets() -> None:
    sample = {"droplets": DROPLETS, "links": {"pages": {"next": "x"}}}
    check_hostile_answers(
        DigitalOceanLookup(HttpAccess(), 80, "http://x"), {"/v2/droplets": sample}
    )
