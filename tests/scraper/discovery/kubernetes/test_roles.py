"""Labels as Prometheus 3.5.3 makes them of the same objects (see tests/peers)."""

from contextlib import suppress
from typing import Any, cast

import pytest
from hypothesis import given
from pydantic import ValidationError

from scraper.discovery.kubernetes.objects import KubernetesObject, object_key
from scraper.discovery.kubernetes.resources import (
    ENDPOINTS,
    INGRESSES,
    NODES,
    PODS,
    SERVICES,
    SLICES,
    Resource,
    targets_of,
)
from tests.scraper.discovery.hostile import hostile
from tests.scraper.discovery.kubernetes import sample_objects as sample

P = "__meta_kubernetes_"
KNOWN: dict[str, list[tuple[Resource, Any]]] = {
    "pods": [(PODS, sample.pod())],
    "services": [(SERVICES, sample.service())],
    "nodes": [(NODES, sample.node())],
}


def find(resource: str, key: str) -> KubernetesObject | None:
    for of, data in KNOWN.get(resource, []):
        found = cast("KubernetesObject", of.adapter.validate_python(data))
        if object_key(found.metadata) == key:
            return found
    return None


def targets(resource: Resource, data: Any, *, attach: bool = False) -> dict[str, dict[str, str]]:
    found = resource.adapter.validate_python(data)
    made = {}
    for labels in targets_of(found, find, attach_node=attach):
        address = labels.pop("__address__")
        made[address] = {name.removeprefix(P): value for name, value in labels.items() if value}
    return made


def test_node_is_its_kubelet_at_the_preferred_address() -> None:
    assert targets(NODES, sample.node()) == {
        "192.168.0.1:10250": {
            "instance": "node-1",
            "node_name": "node-1",
            "node_provider_id": "cloud://1",
            "node_label_zone": "a",
            "node_labelpresent_zone": "true",
            "node_label_x_y_z": "1",
            "node_labelpresent_x_y_z": "true",
            "node_annotation_note": "n",
            "node_annotationpresent_note": "true",
            "node_address_Hostname": "h",
            "node_address_ExternalIP": "203.0.113.5",
            "node_address_InternalIP": "192.168.0.1",
        }
    }


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        ("ClusterIP", {"service_cluster_ip": "10.1.0.1"}),
        ("ExternalName", {"service_external_name": "ext.example"}),
        (
            "LoadBalancer",
            {"service_cluster_ip": "10.1.0.1", "service_loadbalancer_ip": "203.0.113.9"},
        ),
    ],
)
def test_service_has_a_target_for_each_port(kind: str, own: dict[str, str]) -> None:
    common = {
        "namespace": "default",
        "service_name": "web",
        "service_type": kind,
        "service_label_s": "1",
        "service_labelpresent_s": "true",
        "service_annotation_a_b": "2",
        "service_annotationpresent_a_b": "true",
        **own,
    }
    http = {"service_port_name": "http", "service_port_number": "80"}
    assert targets(SERVICES, sample.service(kind=kind)) == {
        "web.default.svc:80": common | http | {"service_port_protocol": "TCP"},
        "web.default.svc:53": common
        | {"service_port_number": "53", "service_port_protocol": "UDP"},
    }


POD = {
    "pod_name": "web-0",
    "pod_ip": "10.0.0.1",
    "pod_ready": "false",
    "pod_phase": "Running",
    "pod_node_name": "node-1",
    "pod_host_ip": "192.168.0.1",
    "pod_uid": "uid-web-0",
    "pod_controller_kind": "StatefulSet",
    "pod_controller_name": "web",
    "pod_label_app_kubernetes_io_name": "web",
    "pod_labelpresent_app_kubernetes_io_name": "true",
    "pod_labelpresent_tier": "true",
    "pod_annotation_prometheus_io_scrape": "true",
    "pod_annotationpresent_prometheus_io_scrape": "true",
}
MAIN = {
    "pod_container_name": "main",
    "pod_container_image": "web:1",
    "pod_container_init": "false",
}
HTTP = {
    "pod_container_port_name": "http",
    "pod_container_port_number": "8080",
    "pod_container_port_protocol": "TCP",
}


def test_pod_has_a_target_for_each_port_and_each_container_without_ports() -> None:
    found = targets(PODS, sample.pod())
    common = POD | {"namespace": "default"}
    assert sorted(found) == ["10.0.0.1", "10.0.0.1:7070", "10.0.0.1:8080", "10.0.0.1:9090"]
    assert found["10.0.0.1:8080"] == common | MAIN | HTTP | {"pod_container_id": "containerd://m"}
    assert found["10.0.0.1"] == common | {
        "pod_container_name": "side",
        "pod_container_image": "side:2",
        "pod_container_init": "false",
    }
    init = found["10.0.0.1:7070"]
    assert (init["pod_container_init"], init["pod_container_id"]) == ("true", "containerd://s")


def test_pod_without_address_has_no_target_and_ipv6_is_in_brackets() -> None:
    assert targets(PODS, sample.bare_pod("a", "")) == {}
    ipv6 = sample.bare_pod("a", "fd00::1")
    ipv6["spec"]["containers"].append({"name": "portless"})
    assert list(targets(PODS, ipv6)) == ["[fd00::1]:80", "[fd00::1]"]


def test_attached_metadata_are_the_labels_and_annotations_of_the_node() -> None:
    plain = targets(PODS, sample.pod())["10.0.0.1:8080"]
    attached = targets(PODS, sample.pod(), attach=True)["10.0.0.1:8080"]
    assert attached.keys() - plain.keys() == {
        "node_name",
        "node_label_zone",
        "node_labelpresent_zone",
        "node_label_x_y_z",
        "node_labelpresent_x_y_z",
        "node_annotation_note",
        "node_annotationpresent_note",
    }


def test_endpoints_have_the_labels_of_service_pod_and_container() -> None:
    found = targets(ENDPOINTS, sample.endpoints())
    common = {
        "namespace": "default",
        "endpoints_name": "web",
        "endpoints_label_e": "1",
        "endpoints_labelpresent_e": "true",
        "endpoints_annotation_ea": "2",
        "endpoints_annotationpresent_ea": "true",
        "service_name": "web",
        "service_label_s": "1",
        "service_labelpresent_s": "true",
        "service_annotation_a_b": "2",
        "service_annotationpresent_a_b": "true",
    }
    assert found["10.0.0.1:8080"] == common | POD | MAIN | HTTP | {
        "endpoint_port_name": "http",
        "endpoint_port_protocol": "TCP",
        "endpoint_ready": "true",
        "endpoint_node_name": "node-1",
        "endpoint_hostname": "web-0",
        "endpoint_address_target_kind": "Pod",
        "endpoint_address_target_name": "web-0",
    }
    assert found["[fd00::7]:8080"]["endpoint_ready"] == "false"
    attached = targets(ENDPOINTS, sample.endpoints(), attach=True)
    assert attached["10.0.0.7:8080"]["node_name"] == "node-1"
    # The pod's port 9090 has no endpoint; the init container's protocol is the endpoint's.
    assert "endpoint_ready" not in found["10.0.0.1:9090"]
    assert found["10.0.0.1:9090"]["pod_container_port_number"] == "9090"
    assert found["10.0.0.1:7070"]["pod_container_port_protocol"] == "TCP"


def test_endpoint_slices_have_the_labels_of_service_pod_and_container() -> None:
    found = targets(SLICES, sample.endpoint_slice())
    target = found["10.0.0.1:8080"]
    own = {
        name.removeprefix("endpointslice_"): value
        for name, value in target.items()
        if name.startswith("endpointslice_")
    }
    assert own == {
        "name": "web-abc",
        "address_type": "IPv4",
        "label_kubernetes_io_service_name": "web",
        "labelpresent_kubernetes_io_service_name": "true",
        "annotation_sa": "1",
        "annotationpresent_sa": "true",
        "port": "8080",
        "port_name": "http",
        "port_protocol": "TCP",
        "port_app_protocol": "h2c",
        "endpoint_conditions_ready": "true",
        "endpoint_conditions_serving": "true",
        "endpoint_conditions_terminating": "false",
        "endpoint_hostname": "web-0",
        "endpoint_node_name": "node-1",
        "endpoint_zone": "a",
        "endpoint_topology_topology_kubernetes_io_region": "r",
        "endpoint_topology_present_topology_kubernetes_io_region": "true",
        "address_target_kind": "Pod",
        "address_target_name": "web-0",
    }
    assert target.items() >= (POD | MAIN | HTTP | {"service_name": "web"}).items()
    assert found["10.0.0.1:7070"]["pod_container_port_protocol"] == "UDP"
    attached = targets(SLICES, sample.endpoint_slice(), attach=True)
    assert attached["10.0.0.8:8080"]["node_name"] == "node-1"


def test_ingress_has_a_target_for_each_path_and_knows_encrypted_hosts() -> None:
    found = INGRESSES.adapter.validate_python(sample.ingress())
    made = [
        tuple(labels[f"{P}ingress_{name}"] for name in ("scheme", "host", "path"))
        for labels in targets_of(found, find, attach_node=False)
    ]
    assert made == [
        ("https", "a.example.com", "/x"),
        ("https", "a.example.com", "/"),
        ("http", "a.b.example.com", "/"),
        ("https", "b.example.org", "/y"),
        ("http", "", "/z"),
    ]


@pytest.mark.parametrize(
    ("resource", "data"),
    [
        (PODS, sample.pod()),
        (NODES, sample.node()),
        (SERVICES, sample.service()),
        (ENDPOINTS, sample.endpoints()),
        (SLICES, sample.endpoint_slice()),
        (INGRESSES, sample.ingress()),
    ],
)
def test_hostile_objects_are_refused_or_become_text_labels(resource: Resource, data: Any) -> None:
    @given(hostile(data))
    def check(garbled: Any) -> None:
        with suppress(ValidationError):
            for labels in targets_of(
                resource.adapter.validate_python(garbled), find, attach_node=True
            ):
                assert all(isinstance(text, str) for pair in labels.items() for text in pair)

    check()
