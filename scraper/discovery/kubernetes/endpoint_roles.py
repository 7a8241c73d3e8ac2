"""The targets of services' endpoints: roles endpoints and endpointslice.

Source: Prometheus documentation, "Configuration", kubernetes_sd_config.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from scraper.discovery.engine.target_labels import host_port, sanitized
from scraper.discovery.kubernetes.meta_labels import (
    Find,
    Labelled,
    attached_node_labels,
    metadata_labels,
    namespace_label,
    pod_labels,
    prefixed,
    service_labels,
)
from scraper.discovery.kubernetes.objects import (
    Container,
    ContainerPort,
    EndpointAddress,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    Metadata,
    ObjectReference,
    Pod,
    Service,
    SliceEndpoint,
)
from scraper.discovery.kubernetes.roles import container_labels

_SERVICE_NAME = "kubernetes.io/service-name"


@dataclass(slots=True)
class _PodPorts:
    """The pods behind endpoints, and the ports through which they are targets already."""

    find: Find
    common: Labelled
    pods: dict[str, tuple[Pod, set[int | None]]] = field(default_factory=dict)

    def endpoint(
        self,
        labels: Labelled,
        reference: ObjectReference | None,
        port: EndpointPort,
        *,
        slices: bool,
    ) -> Labelled:
        """Return the target of an endpoint, with the labels of its pod and container."""
        pod = self._pod(reference)
        if pod is None:
            return self.common | labels
        key = f"{pod.metadata.namespace}/{pod.metadata.name}"
        self.pods.setdefault(key, (pod, set()))[1].add(port.port)
        labels = labels | pod_labels(pod)
        for container, is_init in pod.containers:
            for each in container.ports or ():
                if port.port is not None and each.containerPort == port.port:
                    # Of Endpoints, Prometheus takes the endpoint's protocol.
                    protocol = each.protocol if slices else port.protocol
                    labels |= _container_port(container, each, protocol, is_init=is_init)
                    break
        return self.common | labels

    def _pod(self, reference: ObjectReference | None) -> Pod | None:
        if reference is None or reference.kind != "Pod":
            return None
        found = self.find("pods", f"{reference.namespace}/{reference.name}")
        return found if isinstance(found, Pod) else None

    def others(self) -> Iterator[Labelled]:
        """Yield the container ports of these pods that no endpoint covers."""
        for pod, ports in self.pods.values():
            address = pod.status.podIP
            if not address:
                continue
            for container, is_init in pod.containers:
                for each in container.ports or ():
                    if each.containerPort not in ports:
                        yield (
                            {"__address__": host_port(address, each.containerPort)}
                            | self.common
                            | _container_port(container, each, each.protocol, is_init=is_init)
                            | pod_labels(pod)
                        )


def _container_port(
    container: Container, port: ContainerPort, protocol: str | None, *, is_init: bool
) -> Labelled:
    of_port = {
        "pod_container_port_name": port.name,
        "pod_container_port_number": str(port.containerPort),
        "pod_container_port_protocol": protocol,
    }
    return prefixed(container_labels(container, is_init=is_init) | of_port)


def _of_service(metadata: Metadata, name: str, find: Find) -> Labelled:
    service = find("services", f"{metadata.namespace}/{name}")
    return service_labels(service) if isinstance(service, Service) else {}


def _reference_labels(kind: str, reference: ObjectReference | None) -> dict[str, str | None]:
    if reference is None:
        return {}
    return {
        f"{kind}_address_target_kind": reference.kind,
        f"{kind}_address_target_name": reference.name,
    }


def endpoints_targets(endpoints: Endpoints, find: Find, *, attach_node: bool) -> Iterator[Labelled]:
    """Yield each address of an Endpoints object, then the other ports of its pods."""
    metadata = endpoints.metadata
    common = metadata_labels(metadata, "endpoints") | namespace_label(metadata)
    pods = _PodPorts(find, common | _of_service(metadata, metadata.name, find))

    def target(address: EndpointAddress, port: EndpointPort, ready: str) -> Labelled:
        meta: dict[str, str | None] = {
            "endpoint_port_name": port.name,
            "endpoint_port_protocol": port.protocol,
            "endpoint_ready": ready,
            "endpoint_node_name": address.nodeName,
            "endpoint_hostname": address.hostname,
        }
        labels = prefixed(meta | _reference_labels("endpoint", address.targetRef))
        labels["__address__"] = host_port(address.ip, port.port or 0)
        if attach_node:
            labels |= attached_node_labels(_node_name(address), find)
        return pods.endpoint(labels, address.targetRef, port, slices=False)

    for subset in endpoints.subsets or ():
        for port in subset.ports or ():
            for address in subset.addresses or ():
                yield target(address, port, "true")
            for address in subset.notReadyAddresses or ():
                yield target(address, port, "false")
    yield from pods.others()


def endpoint_slice_targets(
    found: EndpointSlice, find: Find, *, attach_node: bool
) -> Iterator[Labelled]:
    """Yield each address of an EndpointSlice, then the other ports of its pods."""
    metadata = found.metadata
    common = metadata_labels(metadata, "endpointslice") | namespace_label(metadata)
    common |= prefixed({"endpointslice_address_type": found.addressType})
    if service := (metadata.labels or {}).get(_SERVICE_NAME):
        common |= _of_service(metadata, service, find)
    pods = _PodPorts(find, common)
    for endpoint in found.endpoints or ():
        for port in found.ports or ():
            for address in endpoint.addresses or ():
                labels = _slice_labels(endpoint, port)
                number = port.port
                labels["__address__"] = address if number is None else host_port(address, number)
                if attach_node:
                    labels |= attached_node_labels(_node_name(endpoint), find)
                yield pods.endpoint(labels, endpoint.targetRef, port, slices=True)
    yield from pods.others()


def _node_name(endpoint: SliceEndpoint | EndpointAddress) -> str | None:
    """Return the node of an endpoint: the endpoint itself may be a node."""
    reference = endpoint.targetRef
    is_node = reference is not None and reference.kind == "Node"
    return reference.name if reference is not None and is_node else endpoint.nodeName


def _slice_labels(endpoint: SliceEndpoint, port: EndpointPort) -> Labelled:
    conditions = endpoint.conditions
    meta: dict[str, str | None] = {
        "port_name": port.name,
        "port_protocol": port.protocol,
        "port": None if port.port is None else str(port.port),
        "port_app_protocol": port.appProtocol,
        "endpoint_hostname": endpoint.hostname,
        "endpoint_node_name": endpoint.nodeName,
        "endpoint_zone": endpoint.zone,
    }
    for name in ("ready", "serving", "terminating"):
        state = getattr(conditions, name, None)
        meta[f"endpoint_conditions_{name}"] = None if state is None else str(state).lower()
    for name, value in (endpoint.deprecatedTopology or {}).items():
        meta[f"endpoint_topology_{sanitized(name)}"] = value
        meta[f"endpoint_topology_present_{sanitized(name)}"] = "true"
    labels = {f"endpointslice_{name}": value for name, value in meta.items()}
    return prefixed(labels | _reference_labels("endpointslice", endpoint.targetRef))
