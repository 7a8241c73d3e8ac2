"""Docker Swarm discovery: services, tasks or nodes of a swarm.

Source: Docker documentation, "Docker Engine API", ServiceList, TaskList and NodeList;
Prometheus documentation, "Configuration", dockerswarm_sd_config.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_interface
from typing import Literal

from scraper.discovery.containers.docker_api import DockerDaemon, Filters
from scraper.discovery.containers.swarm_objects import (
    NODES,
    SERVICES,
    TASKS,
    SwarmNode,
    SwarmPort,
    SwarmService,
    SwarmTask,
)
from scraper.discovery.engine.target_labels import (
    ADDRESS,
    boolean,
    host_port,
    labels_of_map,
    prefixed,
    target,
)
from scraper.discovery.groups import DiscoveryError, TargetGroup
from scraper.fetching.http_session import HttpSession

SwarmRole = Literal["services", "tasks", "nodes"]

_PREFIX = "__meta_dockerswarm_"

_ByNetwork = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class SwarmLookup:
    """Lists the services, tasks or nodes of a swarm.

    Attributes:
        daemon: a manager of the swarm.
        role: which objects become targets.
        port: the port of objects that publish none.
        filters: restrict the objects.
    """

    daemon: DockerDaemon
    role: SwarmRole
    port: int
    filters: Filters

    @property
    def mechanism(self) -> str:
        """See `Lookup.mechanism`."""
        return "dockerswarm"

    @property
    def place(self) -> dict[str, str]:
        """See `Lookup.place`."""
        return {"host": self.daemon.host}

    async def groups(self, session: HttpSession) -> list[TargetGroup]:
        """See `Lookup.groups`."""
        match self.role:
            case "nodes":
                nodes = await self.daemon.get(session, "/nodes", NODES, self.filters)
                return [self._node(node) for node in nodes]
            case "services":
                services = await self.daemon.get(session, "/services", SERVICES, self.filters)
                networks = await self.daemon.network_labels(session, _PREFIX)
                return [group for each in services for group in self._service(each, networks)]
            case "tasks":
                return await self._tasks(session)

    def _node(self, node: SwarmNode) -> TargetGroup:
        labels = _node_labels(node)
        labels[f"{_PREFIX}node_engine_version"] = node.description.engine.version
        if manager := node.manager:
            meta = {
                "node_manager_leader": boolean(manager.leader),
                "node_manager_reachability": manager.reachability,
                "node_manager_address": manager.address,
            }
            labels |= prefixed(_PREFIX, meta)
        return target(labels | {ADDRESS: host_port(node.status.address, self.port)})

    def _service(self, service: SwarmService, networks: _ByNetwork) -> Iterator[TargetGroup]:
        common = _service_labels(service)
        container = service.spec.task_template.container
        meta = {
            "service_task_container_hostname": container.hostname if container else None,
            "service_task_container_image": container.image if container else None,
            "service_updating_status": service.update.state if service.update else None,
        }
        common |= prefixed(_PREFIX, meta)
        for virtual in service.endpoint.virtual_ips:
            labels = common | dict(networks.get(virtual.network_id, {}))
            host = _host(virtual.address)
            ports = _tcp(service.endpoint.ports)
            for port in ports:
                meta = {
                    "service_endpoint_port_name": port.name,
                    "service_endpoint_port_publish_mode": port.publish_mode,
                }
                address = {ADDRESS: host_port(host, port.published)}
                yield target(labels | prefixed(_PREFIX, meta) | address)
            if not ports:
                yield target(labels | {ADDRESS: host_port(host, self.port)})

    async def _tasks(self, session: HttpSession) -> list[TargetGroup]:
        tasks = await self.daemon.get(session, "/tasks", TASKS, self.filters)
        services = {each.id: each for each in await self.daemon.get(session, "/services", SERVICES)}
        nodes = {each.id: each for each in await self.daemon.get(session, "/nodes", NODES)}
        networks = await self.daemon.network_labels(session, _PREFIX)
        return [
            group
            for task in tasks
            for group in self._task(
                task, services.get(task.service_id), nodes.get(task.node_id), networks
            )
        ]

    def _task(
        self,
        task: SwarmTask,
        service: SwarmService | None,
        node: SwarmNode | None,
        networks: _ByNetwork,
    ) -> Iterator[TargetGroup]:
        common = _task_labels(task)
        if service is not None:
            common |= _service_labels(service)
        if node is not None:
            common |= _node_labels(node)
        for port in _tcp(task.status.ports.ports):
            address = host_port(node.status.address if node is not None else "", port.published)
            yield target(common | _publish_mode(port) | {ADDRESS: address})
        ports = _tcp(service.endpoint.ports) if service is not None else []
        for attachment in task.networks:
            labels = common | dict(networks.get(attachment.network.id, {}))
            for text in attachment.addresses:
                host = _host(text)
                for port in ports:
                    address = host_port(host, port.published)
                    yield target(labels | _publish_mode(port) | {ADDRESS: address})
                if not ports:
                    yield target(labels | {ADDRESS: host_port(host, self.port)})


def _tcp(ports: tuple[SwarmPort, ...]) -> list[SwarmPort]:
    return [port for port in ports if port.protocol == "tcp"]


def _publish_mode(port: SwarmPort) -> dict[str, str]:
    return {f"{_PREFIX}task_port_publish_mode": port.publish_mode}


def _host(text: str) -> str:
    """Return the address of a text such as 10.0.0.3/24."""
    try:
        return str(ip_interface(text).ip)
    except ValueError as exc:
        raise DiscoveryError(f"unexpected answer: {exc}") from exc


def _service_labels(service: SwarmService) -> dict[str, str]:
    mode = service.spec.mode
    kind = "global" if mode.is_global is not None else ""
    if not kind and mode.replicated is not None:
        kind = "replicated"
    meta = {"service_id": service.id, "service_name": service.spec.name, "service_mode": kind}
    labels = labels_of_map(f"{_PREFIX}service_label_", service.spec.labels)
    return prefixed(_PREFIX, meta) | labels


def _node_labels(node: SwarmNode) -> dict[str, str]:
    description = node.description
    meta = {
        "node_id": node.id,
        "node_role": node.spec.role,
        "node_availability": node.spec.availability,
        "node_hostname": description.hostname,
        "node_platform_architecture": description.platform.architecture,
        "node_platform_os": description.platform.os,
        "node_status": node.status.state,
        "node_address": node.status.address,
    }
    return prefixed(_PREFIX, meta) | labels_of_map(f"{_PREFIX}node_label_", node.spec.labels)


def _task_labels(task: SwarmTask) -> dict[str, str]:
    status, container = task.status.container, task.spec.container
    meta = {
        "task_id": task.id,
        "task_desired_state": task.desired_state,
        "task_state": task.status.state,
        "task_slot": str(task.slot),
        "task_container_id": status.container_id if status is not None else None,
    }
    labels = container.labels if container is not None else {}
    return prefixed(_PREFIX, meta) | labels_of_map(f"{_PREFIX}container_label_", labels)
