import json
from pathlib import Path

import pytest
from aiohttp import web

from scraper.discovery.containers.docker import DockerLookup
from scraper.discovery.containers.docker_api import DockerDaemon, Filters
from scraper.discovery.groups import DiscoveryError
from scraper.fetching.http_access import HttpAccess
from tests.scraper.discovery.api_server import ApiServer, labels_by_address, looked_up
from tests.scraper.discovery.containers.sample_answers import ANSWERS, CONTAINERS, NETWORKS
from tests.scraper.discovery.hostile import check_hostile_answers


def lookup(host: str, *, first: bool = True, filters: Filters = ()) -> DockerLookup:
    return DockerLookup(DockerDaemon(host, HttpAccess()), 80, filters, "localhost", first)


async def test_containers_have_a_target_for_each_tcp_port() -> None:
    async with ApiServer(ANSWERS).serving() as api:
        found = labels_by_address(await looked_up(lookup(api.url)), "__meta_docker_")
    assert sorted(found) == [
        "10.0.0.1:80",
        "10.0.0.1:81",
        "10.0.0.1:9000",
        "10.0.1.2:80",
        "localhost",
    ]
    assert found["10.0.0.1:80"] == {
        "container_id": "id1",
        "container_name": "/c1",
        "container_network_mode": "front",
        "container_label_com_docker_service": "s1",
        "network_id": "net-front",
        "network_name": "front",
        "network_scope": "local",
        "network_internal": "false",
        "network_ingress": "false",
        "network_label_net_label": "x",
        "network_ip": "10.0.0.1",
        "port_private": "80",
        "port_public": "8080",
        "port_public_ip": "0.0.0.0",
    }
    assert "port_public" not in found["10.0.0.1:81"]
    assert found["10.0.0.1:9000"]["container_id"] == "id4"


async def test_every_network_is_a_target_if_wanted() -> None:
    async with ApiServer(ANSWERS).serving() as api:
        found = labels_by_address(await looked_up(lookup(api.url, first=False)), "__meta_docker_")
    assert {"10.0.1.2:80", "10.0.2.2:80"} <= found.keys()


async def test_filters_are_sent_as_a_map_of_sets() -> None:
    filters = (("label", ("a=b", "c")), ("status", ("running",)))
    async with ApiServer(ANSWERS).serving() as api:
        await looked_up(lookup(api.url, filters=filters))
    assert json.loads(api.requests[0].query["filters"]) == {
        "label": {"a=b": True, "c": True},
        "status": {"running": True},
    }


async def test_daemon_answers_on_its_unix_socket(tmp_path: Path) -> None:
    runner = web.AppRunner(ApiServer(ANSWERS).application())
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "docker.sock")).start()
    try:
        found = await looked_up(lookup(f"unix://{tmp_path}/docker.sock"))
    finally:
        await runner.cleanup()
    assert len(found) == 5


async def test_tcp_is_http() -> None:
    async with ApiServer(ANSWERS).serving() as api:
        assert await looked_up(lookup(api.url.replace("http://", "tcp://")))


async def test_other_schemes_are_refused() -> None:
    with pytest.raises(DiscoveryError, match="the scheme must be unix, tcp, http or https"):
        await looked_up(lookup("ftp://x"))


def test_hostile_answers_are_discovery_errors_or_targets() -> None:
    samples = {"/containers/json": CONTAINERS, "/networks": NETWORKS}
    check_hostile_answers(lookup("http://x"), samples)
