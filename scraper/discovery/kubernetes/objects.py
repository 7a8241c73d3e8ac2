"""The objects of the Kubernetes API, reduced to what targets need.

Plain dataclasses with slots: a cluster has many objects, and a pydantic model would take
several times the memory. Absent and null members are the same in this API.

Source: Kubernetes documentation, "API reference": Pod, Service, Node, Endpoints,
EndpointSlice, Ingress v1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

Many = tuple[T, ...] | None
"""A list that the API leaves out when it is empty."""


@dataclass(frozen=True, slots=True)
class OwnerReference:
    """The object that owns another."""

    kind: str = ""
    name: str = ""
    controller: bool | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """Identity, labels and annotations of an object."""

    name: str
    namespace: str = ""
    uid: str = ""
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    ownerReferences: Many[OwnerReference] = None  # noqa: N815


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A port that a container exposes."""

    containerPort: int  # noqa: N815
    name: str | None = None
    protocol: str | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a pod."""

    name: str
    image: str | None = None
    ports: Many[ContainerPort] = None


@dataclass(frozen=True, slots=True)
class PodSpec:
    """The containers of a pod, and its node."""

    containers: Many[Container] = None
    initContainers: Many[Container] = None  # noqa: N815
    nodeName: str | None = None  # noqa: N815


@dataclass(frozen=True, slots=True)
class PodCondition:
    """A condition of an object, for example Ready."""

    type: str
    status: str


@dataclass(frozen=True, slots=True)
class ContainerStatus:
    """The state of a container."""

    name: str
    containerID: str | None = None  # noqa: N815


@dataclass(frozen=True, slots=True)
class PodStatus:
    """The state of a pod."""

    phase: str | None = None
    podIP: str | None = None  # noqa: N815
    hostIP: str | None = None  # noqa: N815
    conditions: Many[PodCondition] = None
    containerStatuses: Many[ContainerStatus] = None  # noqa: N815
    initContainerStatuses: Many[ContainerStatus] = None  # noqa: N815


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod."""

    metadata: Metadata
    spec: PodSpec = field(default_factory=PodSpec)
    status: PodStatus = field(default_factory=PodStatus)

    @property
    def containers(self) -> list[tuple[Container, bool]]:
        """The containers, and whether each is an init container."""
        ordinary = [(container, False) for container in self.spec.containers or ()]
        return ordinary + [(container, True) for container in self.spec.initContainers or ()]


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port of a service."""

    port: int
    name: str | None = None
    protocol: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """How a service is reached."""

    type: str | None = None
    clusterIP: str | None = None  # noqa: N815
    externalName: str | None = None  # noqa: N815
    loadBalancerIP: str | None = None  # noqa: N815
    ports: Many[ServicePort] = None


@dataclass(frozen=True, slots=True)
class Service:
    """A service."""

    metadata: Metadata
    spec: ServiceSpec = field(default_factory=ServiceSpec)


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """An address of a node."""

    type: str
    address: str


@dataclass(frozen=True, slots=True)
class DaemonEndpoint:
    """The port of a daemon."""

    # The API spells this member with a capital letter.
    Port: int = 0


@dataclass(frozen=True, slots=True)
class DaemonEndpoints:
    """The daemons of a node."""

    kubeletEndpoint: DaemonEndpoint | None = None  # noqa: N815


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """The identity of a node at its provider."""

    providerID: str | None = None  # noqa: N815


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """Where a node is reached."""

    addresses: Many[NodeAddress] = None
    daemonEndpoints: DaemonEndpoints | None = None  # noqa: N815


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """A node of the cluster."""

    metadata: Metadata
    spec: NodeSpec = field(default_factory=NodeSpec)
    status: NodeStatus = field(default_factory=NodeStatus)


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """The object behind an endpoint."""

    kind: str = ""
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class EndpointAddress:
    """An address of an Endpoints object."""

    ip: str
    hostname: str | None = None
    nodeName: str | None = None  # noqa: N815
    targetRef: ObjectReference | None = None  # noqa: N815


@dataclass(frozen=True, slots=True)
class EndpointPort:
    """A port of an Endpoints object or of an EndpointSlice."""

    port: int | None = None
    name: str | None = None
    protocol: str | None = None
    appProtocol: str | None = None  # noqa: N815


@dataclass(frozen=True, slots=True)
class EndpointSubset:
    """Addresses with common ports."""

    addresses: Many[EndpointAddress] = None
    notReadyAddresses: Many[EndpointAddress] = None  # noqa: N815
    ports: Many[EndpointPort] = None


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The endpoints of a service."""

    metadata: Metadata
    subsets: Many[EndpointSubset] = None


@dataclass(frozen=True, slots=True)
class EndpointConditions:
    """The state of an endpoint; None for unknown."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


@dataclass(frozen=True, slots=True)
class SliceEndpoint:
    """An endpoint of a slice."""

    addresses: Many[str] = None
    conditions: EndpointConditions | None = None
    hostname: str | None = None
    nodeName: str | None = None  # noqa: N815
    zone: str | None = None
    targetRef: ObjectReference | None = None  # noqa: N815
    deprecatedTopology: Mapping[str, str] | None = None  # noqa: N815


@dataclass(frozen=True, slots=True)
class EndpointSlice:
    """A part of the endpoints of a service."""

    metadata: Metadata
    addressType: str = ""  # noqa: N815
    endpoints: Many[SliceEndpoint] = None
    ports: Many[EndpointPort] = None


@dataclass(frozen=True, slots=True)
class IngressPath:
    """A path of a rule."""

    path: str | None = None


@dataclass(frozen=True, slots=True)
class IngressHttp:
    """The HTTP paths of a rule."""

    paths: Many[IngressPath] = None


@dataclass(frozen=True, slots=True)
class IngressRule:
    """A host, and its paths."""

    host: str | None = None
    http: IngressHttp | None = None


@dataclass(frozen=True, slots=True)
class IngressTls:
    """The hosts of a certificate."""

    hosts: Many[str] = None


@dataclass(frozen=True, slots=True)
class IngressSpec:
    """The class, rules and TLS of an ingress."""

    ingressClassName: str | None = None  # noqa: N815
    rules: Many[IngressRule] = None
    tls: Many[IngressTls] = None


@dataclass(frozen=True, slots=True)
class Ingress:
    """An ingress."""

    metadata: Metadata
    spec: IngressSpec = field(default_factory=IngressSpec)


KubernetesObject = Pod | Service | ClusterNode | Endpoints | EndpointSlice | Ingress


def object_key(metadata: Metadata) -> str:
    """Return the key of an object among those of its resource."""
    return f"{metadata.namespace}/{metadata.name}" if metadata.namespace else metadata.name
