"""Builds the targets of nodes, services, pods and ingresses, each from one object.

Source: Prometheus documentation, "Configuration", kubernetes_sd_config.
"""

from collections.abc import Iterator

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
    ClusterNode,
    Container,
    ContainerStatus,
    Ingress,
    Pod,
    Service,
)

# The preferred type first.
_NODE_ADDRESSES = (
    "InternalIP",
    "InternalDNS",
    "ExternalIP",
    "ExternalDNS",
    "LegacyHostIP",
    "Hostname",
)


def node_targets(node: ClusterNode) -> Iterator[Labelled]:
    """Yield the kubelet of a node, if the node has an address."""
    addresses: dict[str, str] = {}
    for each in node.status.addresses or ():
        addresses.setdefault(each.type, each.address)
    host = next((addresses[kind] for kind in _NODE_ADDRESSES if kind in addresses), None)
    if host is None:
        return
    daemons = node.status.daemonEndpoints
    kubelet = daemons.kubeletEndpoint if daemons is not None else None
    meta: dict[str, str | None] = {"node_provider_id": node.spec.providerID}
    meta |= {f"node_address_{sanitized(kind)}": text for kind, text in addresses.items()}
    yield {
        "__address__": host_port(host, kubelet.Port if kubelet is not None else 0),
        "instance": node.metadata.name,
        **metadata_labels(node.metadata, "node"),
        **prefixed(meta),
    }


def service_targets(service: Service) -> Iterator[Labelled]:
    """Yield each port of a service under its DNS name."""
    spec = service.spec
    common = service_labels(service)
    is_external = spec.type == "ExternalName"
    meta = {
        "service_type": spec.type,
        "service_external_name": spec.externalName if is_external else None,
        "service_cluster_ip": None if is_external else spec.clusterIP,
        "service_loadbalancer_ip": spec.loadBalancerIP if spec.type == "LoadBalancer" else None,
    }
    host = f"{service.metadata.name}.{service.metadata.namespace}.svc"
    for port in spec.ports or ():
        of_port = {
            "service_port_name": port.name,
            "service_port_number": str(port.port),
            "service_port_protocol": port.protocol,
        }
        yield {"__address__": host_port(host, port.port)} | common | prefixed(meta | of_port)


def pod_targets(pod: Pod, find: Find, *, attach_node: bool) -> Iterator[Labelled]:
    """Yield each port of a pod's containers; a container without ports has one target."""
    address = pod.status.podIP
    if not address:
        return
    common = pod_labels(pod) | namespace_label(pod.metadata)
    if attach_node:
        common |= attached_node_labels(pod.spec.nodeName, find)
    for container, is_init in pod.containers:
        statuses = pod.status.initContainerStatuses if is_init else pod.status.containerStatuses
        meta = container_labels(container, is_init=is_init)
        meta["pod_container_id"] = _container_id(container.name, statuses or ())
        if not container.ports:
            bare = f"[{address}]" if ":" in address else address
            yield {"__address__": bare} | common | prefixed(meta)
        for port in container.ports or ():
            of_port = {
                "pod_container_port_name": port.name,
                "pod_container_port_number": str(port.containerPort),
                "pod_container_port_protocol": port.protocol,
            }
            yield (
                {"__address__": host_port(address, port.containerPort)}
                | common
                | prefixed(meta | of_port)
            )


def container_labels(container: Container, *, is_init: bool) -> dict[str, str | None]:
    """Return the labels of a container, without prefix."""
    return {
        "pod_container_name": container.name,
        "pod_container_image": container.image,
        "pod_container_init": "true" if is_init else "false",
    }


def _container_id(name: str, statuses: tuple[ContainerStatus, ...]) -> str | None:
    return next((each.containerID for each in statuses if each.name == name), None)


def ingress_targets(ingress: Ingress) -> Iterator[Labelled]:
    """Yield each path of an ingress's rules."""
    spec = ingress.spec
    common = metadata_labels(ingress.metadata, "ingress") | namespace_label(ingress.metadata)
    encrypted = [host for tls in spec.tls or () for host in tls.hosts or ()]
    for rule in spec.rules or ():
        host = rule.host or ""
        is_encrypted = any(_host_matches(pattern, host) for pattern in encrypted)
        paths = ["/"]
        if rule.http is not None and rule.http.paths is not None:
            paths = [each.path or "/" for each in rule.http.paths]
        for path in paths:
            meta = {
                "ingress_class_name": spec.ingressClassName,
                "ingress_scheme": "https" if is_encrypted else "http",
                "ingress_host": host,
                "ingress_path": path,
            }
            yield {"__address__": host} | common | prefixed(meta)


def _host_matches(pattern: str, host: str) -> bool:
    """Return whether a host is the pattern; `*` may stand for the first part."""
    if pattern == host:
        return True
    first, *rest = pattern.split(".")
    return first == "*" and rest == host.split(".")[1:]
