from typing import Any

import pytest

from scraper.discovery.containers.docker_api import DockerDaemon
from scraper.discovery.containers.swarm import SwarmLookup, SwarmRole
from scraper.fetching.http_access import HttpAccess
from tests.scraper.discovery.api_server import ApiServer, labels_by_address, looked_up
from tests.scraper.discovery.containers.sample_answers import (
    ANSWERS,
    NETWORKS,
    NODES,
    SERVICES,
    TASKS,
)
from tests.scraper.discovery.hostile import check_hostile_answers

NETWORK = {
    "network_id": "net-front",
    "network_name": "front",
    "network_scope": "local",
    "network_internal": "false",
    "network_ingress": "false",
    "network_label_net_label": "x",
}
SERVICE = {
    "service_id": "s1",
    "service_name": "web",
    "service_mode": "replicated",
    "service_label_team_name": "a",
}
NODE = {
    "node_id": "n1",
    "node_role": "manager",
    "node_availability": "active",
    "node_hostname": "one",
    "node_platform_architecture": "x86_64",
    "node_platform_os": "linux",
    "node_status": "ready",
    "node_address": "192.168.0.1",
    "node_label_disk_type": "ssd",
}
TASK = {
    "task_id": "t1",
    "task_desired_state": "running",
    "task_state": "running",
    "task_slot": "1",
    "task_container_id": "abc",
    "container_label_container_label": "c",
}


async def found(role: SwarmRole, answers: dict[str, Any] = ANSWERS) -> dict[str, dict[str, str]]:
    async with ApiServer(answers).serving() as api:
        lookup = SwarmLookup(DockerDaemon(api.url, HttpAccess()), role, 80, ())
        return labels_by_address(await looked_up(lookup), "__meta_dockerswarm_")


async def test_nodes_are_targets_at_the_configured_port() -> None:
    nodes = await found("nodes")
    assert nodes["192.168.0.1:80"] == NODE | {
        "node_engine_version": "27.1",
        "node_manager_leader": "true",
        "node_manager_reachability": "reachable",
        "node_manager_address": "192.168.0.1:2377",
    }
    assert "node_manager_leader" not in nodes["[fd00::2]:80"]


async def test_services_are_targets_at_each_published_tcp_port() -> None:
    services = await found("services")
    assert sorted(services) == ["10.1.0.2:8080", "10.1.0.3:80"]
    assert services["10.1.0.2:8080"] == SERVICE | NETWORK | {
        "service_task_container_hostname": "h",
        "service_task_container_image": "web:1",
        "service_updating_status": "completed",
        "service_endpoint_port_name": "http",
        "service_endpoint_port_publish_mode": "ingress",
    }
    assert services["10.1.0.3:80"]["service_mode"] == "global"


async def test_tasks_are_targets_on_their_node_and_in_their_networks() -> None:
    tasks = await found("tasks")
    assert sorted(tasks) == ["10.1.0.10:80", "10.1.0.9:8080", "192.168.0.1:9999"]
    assert tasks["192.168.0.1:9999"] == TASK | SERVICE | NODE | {"task_port_publish_mode": "host"}
    assert tasks["10.1.0.9:8080"] == TASK | SERVICE | NODE | NETWORK | {
        "task_port_publish_mode": "ingress"
    }


@pytest.mark.parametrize("role", ["services", "tasks", "nodes"])
def test_hostile_answers_are_discovery_errors_or_targets(role: SwarmRole) -> None:
    lookup = SwarmLookup(DockerDaemon("http://x", HttpAccess()), role, 80, ())
    samples = {"/services": SERVICES, "/tasks": TASKS, "/nodes": NODES, "/networks": NETWORKS}
    check_hostile_answers(lookup, samples)
