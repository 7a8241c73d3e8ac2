"""The `__meta_kubernetes_…` labels that several roles share.

Source: Prometheus documentation, "Configuration", kubernetes_sd_config.
"""

from collections.abc import Callable, Mapping

from scraper.discovery.engine import target_labels
from scraper.discovery.engine.target_labels import sanitized
from scraper.discovery.kubernetes.objects import (
    ClusterNode,
    KubernetesObject,
    Metadata,
    Pod,
    Service,
)

PREFIX = "__meta_kubernetes_"

Find = Callable[[str, str], KubernetesObject | None]
"""Returns the object of a resource with a key, None if there is none."""

Labelled = dict[str, str]
"""The labels of one target, `__address__` among them."""


def metadata_labels(metadata: Metadata, role: str) -> Labelled:
    """Return name, labels and annotations of an object."""
    found = {f"{PREFIX}{role}_name": metadata.name}
    _add(found, metadata.labels, f"{role}_label")
    _add(found, metadata.annotations, f"{role}_annotation")
    return found


def _add(found: Labelled, pairs: Mapping[str, str] | None, kind: str) -> None:
    for name, value in (pairs or {}).items():
        label = sanitized(name)
        found[f"{PREFIX}{kind}_{label}"] = value
        found[f"{PREFIX}{kind}present_{label}"] = "true"


def namespace_label(metadata: Metadata) -> Labelled:
    """Return the label with the namespace."""
    return {f"{PREFIX}namespace": metadata.namespace}


def service_labels(service: Service) -> Labelled:
    """Return the labels of a service."""
    metadata = service.metadata
    return namespace_label(metadata) | metadata_labels(metadata, "service")


def pod_labels(pod: Pod) -> Labelled:
    """Return the labels of a pod, without its namespace."""
    status = pod.status
    ready = next(
        (each.status for each in status.conditions or () if each.type == "Ready"), "Unknown"
    )
    found = {
        "pod_ip": status.podIP,
        "pod_ready": ready.lower(),
        "pod_phase": status.phase,
        "pod_node_name": pod.spec.nodeName,
        "pod_host_ip": status.hostIP,
        "pod_uid": pod.metadata.uid,
    }
    controllers = (each for each in pod.metadata.ownerReferences or () if each.controller)
    if controller := next(controllers, None):
        found |= {"pod_controller_kind": controller.kind, "pod_controller_name": controller.name}
    return prefixed(found) | metadata_labels(pod.metadata, "pod")


def attached_node_labels(name: str | None, find: Find) -> Labelled:
    """Return the labels of the node that `attach_metadata` adds; none if it is unknown."""
    node = find("nodes", name) if name else None
    if not isinstance(node, ClusterNode):
        return {}
    return metadata_labels(node.metadata, "node")


def prefixed(values: Mapping[str, str | None]) -> Labelled:
    """Return labels whose names begin with `__meta_kubernetes_`; None means no label."""
    return target_labels.prefixed(PREFIX, values)
