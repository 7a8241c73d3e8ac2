"""The objects of Docker Swarm's API, reduced to what targets need.

Source: Docker documentation, "Docker Engine API", ServiceList, TaskList and NodeList.
"""

from typing import Any

from pydantic import Field, TypeAdapter

from scraper.discovery.engine.api import ApiObject


class SwarmPort(ApiObject):
    """A published port."""

    name: str = Field("", alias="Name")
    protocol: str = Field("", alias="Protocol")
    published: int = Field(0, alias="PublishedPort")
    publish_mode: str = Field("", alias="PublishMode")


class SwarmContainer(ApiObject):
    """The container that tasks run."""

    image: str = Field("", alias="Image")
    hostname: str = Field("", alias="Hostname")
    labels: dict[str, str] = Field({}, alias="Labels")


class _TaskSpec(ApiObject):
    container: SwarmContainer | None = Field(None, alias="ContainerSpec")


class _Mode(ApiObject):
    replicated: dict[str, Any] | None = Field(None, alias="Replicated")
    is_global: dict[str, Any] | None = Field(None, alias="Global")


class _ServiceSpec(ApiObject):
    name: str = Field("", alias="Name")
    labels: dict[str, str] = Field({}, alias="Labels")
    task_template: _TaskSpec = Field(_TaskSpec(), alias="TaskTemplate")
    mode: _Mode = Field(_Mode(), alias="Mode")


class _VirtualIp(ApiObject):
    network_id: str = Field("", alias="NetworkID")
    address: str = Field("", alias="Addr")


class _ServiceEndpoint(ApiObject):
    ports: tuple[SwarmPort, ...] = Field((), alias="Ports")
    virtual_ips: tuple[_VirtualIp, ...] = Field((), alias="VirtualIPs")


class _UpdateStatus(ApiObject):
    state: str = Field("", alias="State")


class SwarmService(ApiObject):
    """A service."""

    id: str = Field(alias="ID")
    spec: _ServiceSpec = Field(_ServiceSpec(), alias="Spec")
    endpoint: _ServiceEndpoint = Field(_ServiceEndpoint(), alias="Endpoint")
    update: _UpdateStatus | None = Field(None, alias="UpdateStatus")


class _ContainerStatus(ApiObject):
    container_id: str = Field("", alias="ContainerID")


class _PortStatus(ApiObject):
    ports: tuple[SwarmPort, ...] = Field((), alias="Ports")


class _TaskStatus(ApiObject):
    state: str = Field("", alias="State")
    container: _ContainerStatus | None = Field(None, alias="ContainerStatus")
    ports: _PortStatus = Field(_PortStatus(), alias="PortStatus")


class _NetworkReference(ApiObject):
    id: str = Field("", alias="ID")


class _Attachment(ApiObject):
    network: _NetworkReference = Field(_NetworkReference(), alias="Network")
    addresses: tuple[str, ...] = Field((), alias="Addresses")


class SwarmTask(ApiObject):
    """A task: one container of a service."""

    id: str = Field(alias="ID")
    service_id: str = Field("", alias="ServiceID")
    node_id: str = Field("", alias="NodeID")
    slot: int = Field(0, alias="Slot")
    desired_state: str = Field("", alias="DesiredState")
    spec: _TaskSpec = Field(_TaskSpec(), alias="Spec")
    status: _TaskStatus = Field(_TaskStatus(), alias="Status")
    networks: tuple[_Attachment, ...] = Field((), alias="NetworksAttachments")


class _NodeSpec(ApiObject):
    role: str = Field("", alias="Role")
    availability: str = Field("", alias="Availability")
    labels: dict[str, str] = Field({}, alias="Labels")


class _Platform(ApiObject):
    architecture: str = Field("", alias="Architecture")
    os: str = Field("", alias="OS")


class _Engine(ApiObject):
    version: str = Field("", alias="EngineVersion")


class _Description(ApiObject):
    hostname: str = Field("", alias="Hostname")
    platform: _Platform = Field(_Platform(), alias="Platform")
    engine: _Engine = Field(_Engine(), alias="Engine")


class _NodeStatus(ApiObject):
    state: str = Field("", alias="State")
    address: str = Field("", alias="Addr")


class _ManagerStatus(ApiObject):
    leader: bool = Field(default=False, alias="Leader")
    reachability: str = Field("", alias="Reachability")
    address: str = Field("", alias="Addr")


class SwarmNode(ApiObject):
    """A node of the swarm."""

    id: str = Field(alias="ID")
    spec: _NodeSpec = Field(_NodeSpec(), alias="Spec")
    description: _Description = Field(_Description(), alias="Description")
    status: _NodeStatus = Field(_NodeStatus(), alias="Status")
    manager: _ManagerStatus | None = Field(None, alias="ManagerStatus")


SERVICES = TypeAdapter(list[SwarmService])
TASKS = TypeAdapter(list[SwarmTask])
NODES = TypeAdapter(list[SwarmNode])
