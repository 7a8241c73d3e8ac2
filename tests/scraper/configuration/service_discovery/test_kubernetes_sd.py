from pathlib import Path

import pytest

from scraper.discovery.kubernetes.client import ObjectSelector
from scraper.discovery.kubernetes.cluster import ApiServer, InCluster
from scraper.discovery.kubernetes.discoverer import KubernetesDiscoverer
from scraper.discovery.kubernetes.kubeconfig import Kubeconfig
from scraper.fetching.http_access import Authorization
from scraper.fetching.secrets import Secret
from tests.scraper.configuration.service_discovery.sections import discoverer, refusal


def test_defaults_are_the_service_account_and_all_namespaces(tmp_path: Path) -> None:
    found = discoverer(tmp_path, "kubernetes", "{role: pod, follow_redirects: true}")
    assert found == KubernetesDiscoverer(InCluster(), "pod")


def test_every_key_reaches_the_discoverer(tmp_path: Path) -> None:
    found = discoverer(
        tmp_path,
        "kubernetes",
        "{role: endpointslice, api_server: 'https://k:6443', authorization: {credentials_file: t},"
        " namespaces: {names: [a, b]}, attach_metadata: {node: true}, selectors: ["
        "{role: pod, label: 'a in (b,c),!d,e', field: 'spec.nodeName=x'}]}",
    )
    assert isinstance(found, KubernetesDiscoverer)
    assert isinstance(found.source, ApiServer)
    assert found.source.access.auth == Authorization("Bearer", Secret(file=tmp_path / "t"))
    assert found.namespaces == ("a", "b")
    assert found.selectors == (("pod", ObjectSelector("a in (b,c),!d,e", "spec.nodeName=x")),)
    assert found.attach_node


def test_kubeconfig_is_relative_to_the_file(tmp_path: Path) -> None:
    found = discoverer(tmp_path, "kubernetes", "{role: node, kubeconfig_file: k}")
    assert found == KubernetesDiscoverer(Kubeconfig(tmp_path / "k"), "node")


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ("{}", "role missing (one of: node, pod, service"),
        ("{role: vacation}", "role: Input should be 'node', 'pod'"),
        ("{role: pod, roll: x}", "roll: unknown key"),
        ("{role: pod, api_server: 'http://x', kubeconfig_file: y}", "either api_server or"),
        ("{role: pod, basic_auth: {username: u}}", "options of HTTP requests require api_server"),
        (
            "{role: pod, kubeconfig_file: k, namespaces: {own_namespace: true}}",
            "own_namespace is known only inside the cluster",
        ),
        ("{role: pod, namespaces: {foo: bar}}", "namespaces.foo: unknown key"),
        ("{role: pod, selectors: [{role: node}]}", "supports only selectors of role pod"),
        ("{role: pod, selectors: [{role: pod}, {role: pod}]}", "role pod stands twice"),
        ("{role: pod, selectors: [{role: pod, label: 'a b'}]}", "is not a label selector"),
        ("{role: pod, selectors: [{role: pod, field: a}]}", "is not a field selector"),
        ("{role: pod, attach_metadata: {pod: true}}", "unknown key"),
    ],
)
def test_invalid_sections_are_refused_with_their_line(
    tmp_path: Path, section: str, reason: str
) -> None:
    assert reason in refusal(tmp_path, "kubernetes", section)
