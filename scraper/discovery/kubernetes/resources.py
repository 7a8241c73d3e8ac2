"""The resources of the Kubernetes API that each role needs.

Source: Kubernetes documentation, "Kubernetes API Concepts", "Resource URIs".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from scraper.discovery.kubernetes.endpoint_roles import endpoint_slice_targets, endpoints_targets
from scraper.discovery.kubernetes.meta_labels import Find, Labelled
from scraper.discovery.kubernetes.objects import (
    ClusterNode,
    Endpoints,
    EndpointSlice,
    Ingress,
    KubernetesObject,
    Pod,
    Service,
)
from scraper.discovery.kubernetes.roles import (
    ingress_targets,
    node_targets,
    pod_targets,
    service_targets,
)

Role = Literal["node", "pod", "service", "endpoints", "endpointslice", "ingress"]


@dataclass(frozen=True)
class Resource:
    """A resource of the API.

    Attributes:
        name: the plural in its URL.
        group: the path of its API group.
        role: the role whose selectors apply to it.
        is_namespaced: whether its objects belong to namespaces.
        adapter: reads one object.
    """

    name: str
    group: str
    role: Role
    is_namespaced: bool
    adapter: TypeAdapter[Any]

    def path(self, namespace: str) -> str:
        """Return the path of a namespace's objects, "" for those of all namespaces."""
        within = f"/namespaces/{namespace}" if namespace and self.is_namespaced else ""
        return f"{self.group}{within}/{self.name}"


NODES = Resource("nodes", "/api/v1", "node", False, TypeAdapter(ClusterNode))  # noqa: FBT003
PODS = Resource("pods", "/api/v1", "pod", True, TypeAdapter(Pod))  # noqa: FBT003
SERVICES = Resource("services", "/api/v1", "service", True, TypeAdapter(Service))  # noqa: FBT003
ENDPOINTS = Resource("endpoints", "/api/v1", "endpoints", True, TypeAdapter(Endpoints))  # noqa: FBT003
SLICES = Resource(
    "endpointslices",
    "/apis/discovery.k8s.io/v1",
    "endpointslice",
    True,  # noqa: FBT003
    TypeAdapter(EndpointSlice),
)
INGRESSES = Resource(
    "ingresses",
    "/apis/networking.k8s.io/v1",
    "ingress",
    True,  # noqa: FBT003
    TypeAdapter(Ingress),
)

_OF_ROLE: dict[str, tuple[Resource, ...]] = {
    "node": (NODES,),
    "pod": (PODS,),
    "service": (SERVICES,),
    "ingress": (INGRESSES,),
    "endpoints": (ENDPOINTS, SERVICES, PODS),
    "endpointslice": (SLICES, SERVICES, PODS),
}


def resources_of(role: Role, *, attach_node: bool) -> tuple[Resource, ...]:
    """Return the resources of a role; the first one's objects become targets."""
    attaches = attach_node and role in ("pod", "endpoints", "endpointslice")
    return (*_OF_ROLE[role], NODES) if attaches else _OF_ROLE[role]


def targets_of(found: KubernetesObject, find: Find, *, attach_node: bool) -> Iterable[Labelled]:
    """Return the targets of an object, each as its labels."""
    match found:
        case Pod():
            return pod_targets(found, find, attach_node=attach_node)
        case Service():
            return service_targets(found)
        case ClusterNode():
            return node_targets(found)
        case Endpoints():
            return endpoints_targets(found, find, attach_node=attach_node)
        case EndpointSlice():
            return endpoint_slice_targets(found, find, attach_node=attach_node)
        case Ingress():
            return ingress_targets(found)
