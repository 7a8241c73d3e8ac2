from pathlib import Path

import pytest

from scraper.discovery.clouds.aws_credentials import AwsCredentials
from scraper.discovery.clouds.azure import AzureLookup
from scraper.discovery.clouds.ec2 import Ec2Lookup
from scraper.discovery.clouds.openstack import OpenStackLookup
from scraper.discovery.clouds.sigv4 import AccessKey
from scraper.discovery.containers.docker import DockerLookup
from scraper.discovery.containers.swarm import SwarmLookup
from scraper.discovery.engine.polling import PollingDiscoverer
from scraper.discovery.hashicorp.consul import ConsulDiscoverer
from scraper.discovery.hashicorp.nomad import NomadLookup
from scraper.fetching.http_access import Authorization, BasicAuth, HttpAccess
from scraper.fetching.secrets import Secret
from tests.scraper.configuration.service_discovery.sections import discoverer, refusal


def polling(tmp_path: Path, kind: str, section: str) -> PollingDiscoverer:
    found = discoverer(tmp_path, kind, section)
    assert isinstance(found, PollingDiscoverer)
    return found


def test_docker_defaults(tmp_path: Path) -> None:
    found = polling(tmp_path, "docker", "{host: 'unix:///var/run/docker.sock'}")
    lookup = found.lookup
    assert isinstance(lookup, DockerLookup)
    assert (found.refresh_s, lookup.port, lookup.host_networking_host) == (60.0, 80, "localhost")
    assert lookup.match_first_network


def test_docker_filters_and_credentials_reach_the_lookup(tmp_path: Path) -> None:
    section = (
        "{host: 'https://d', port: 9, refresh_interval: 5s, match_first_network: false,"
        " filters: [{name: label, values: [a, b]}], authorization: {credentials_file: t}}"
    )
    found = polling(tmp_path, "docker", section)
    lookup = found.lookup
    assert isinstance(lookup, DockerLookup)
    assert (found.refresh_s, lookup.port, lookup.match_first_network) == (5.0, 9, False)
    assert lookup.filters == (("label", ("a", "b")),)
    assert lookup.daemon.access.auth == Authorization("Bearer", Secret(file=tmp_path / "t"))


def test_swarm_role_reaches_the_lookup(tmp_path: Path) -> None:
    lookup = polling(tmp_path, "dockerswarm", "{host: 'http://d', role: tasks}").lookup
    assert isinstance(lookup, SwarmLookup)
    assert (lookup.role, lookup.port) == ("tasks", 80)


def test_nomad_defaults(tmp_path: Path) -> None:
    lookup = polling(tmp_path, "nomad", "{follow_redirects: true}").lookup
    assert isinstance(lookup, NomadLookup)
    assert (lookup.server, lookup.namespace, lookup.region) == (
        "http://localhost:4646",
        "default",
        "global",
    )


def test_consul_defaults(tmp_path: Path) -> None:
    found = discoverer(tmp_path, "consul", "{allow_stale: true}")
    assert isinstance(found, ConsulDiscoverer)
    assert (found.url, found.refresh_s, found.tag_separator) == ("http://localhost:8500", 30.0, ",")


def test_every_consul_option_reaches_the_discoverer(tmp_path: Path) -> None:
    found = discoverer(
        tmp_path,
        "consul",
        "{server: 'c:1', scheme: https, path_prefix: /p, token: hush, username: u, password: p,"
        " datacenter: d, namespace: n, partition: q, node_meta: {k: v}, services: [s],"
        " tags: [t], filter: f, allow_stale: false}",
    )
    assert isinstance(found, ConsulDiscoverer)
    assert found.url == "https://c:1/p"
    assert found.access.headers == (("X-Consul-Token", Secret("hush")),)
    assert found.access.auth == BasicAuth(Secret("u"), Secret("p"))
    assert found.scope == (("ns", "n"), ("partition", "q"), ("node-meta", "k:v"))
    assert (found.services, found.tags, found.filter) == (("s",), ("t",), "f")
    assert not found.allow_stale


@pytest.mark.parametrize(
    ("kind", "section", "reason"),
    [
        ("docker", "{port: 80}", "host: Field required"),
        ("docker", "{host: x, role: y}", "role: unknown key"),
        ("dockerswarm", "{host: x}", "role: Field required"),
        ("dockerswarm", "{host: x, role: y}", "role: Input should be 'services', 'tasks'"),
        ("nomad", "{server: ' '}", "give the URL of a Nomad agent"),
        ("consul", "{server: ''}", "give the address of a Consul agent"),
        ("consul", "{token: x, authorization: {credentials: y}}", "at most one of token"),
        ("consul", "{username: x, basic_auth: {username: y}}", "either username and password"),
    ],
)
def test_invalid_sections_are_refused_with_their_line(
    tmp_path: Path, kind: str, section: str, reason: str
) -> None:
    assert reason in refusal(tmp_path, kind, section)


def test_cloud_defaults(tmp_path: Path) -> None:
    for kind, section in (
        ("ec2", "{region: eu-west-1}"),
        ("digitalocean", "{authorization: {credentials: x}}"),
        ("hetzner", "{role: robot}"),
        ("gce", "{project: p, zone: z}"),
    ):
        found = polling(tmp_path, kind, section)
        assert found.refresh_s == 60.0
        assert found.mechanism == kind
        assert getattr(found.lookup, "port") == 80  # noqa: B009


def test_every_ec2_option_reaches_the_lookup(tmp_path: Path) -> None:
    lookup = polling(
        tmp_path,
        "ec2",
        "{region: r, endpoint: e.example, access_key: a, secret_key: s, profile: p, role_arn: x,"
        " port: 9, filters: [{name: n, values: [v]}]}",
    ).lookup
    assert lookup == Ec2Lookup(
        "r",
        "e.example",
        AwsCredentials(AccessKey("a", "s"), "p", "x"),
        HttpAccess(),
        9,
        (("n", ("v",)),),
    )


@pytest.mark.parametrize(
    ("kind", "section", "reason"),
    [
        ("ec2", "{region: r, filters: [{name: n, values: []}]}", "at least 1 item"),
        ("ec2", "{region: r, access_key: a}", "give access_key and secret_key together"),
        ("hetzner", "{port: 80}", "role: Field required"),
        ("gce", "{project: p}", "zone: Field required"),
        ("gce", "{project: p, zone: z, basic_auth: {}}", "basic_auth: unknown key"),
        ("digitalocean", "{token: x}", "token: unknown key"),
    ],
)
def test_invalid_cloud_sections_are_refused_with_their_line(
    tmp_path: Path, kind: str, section: str, reason: str
) -> None:
    assert reason in refusal(tmp_path, kind, section)


def test_azure_and_openstack_options_reach_the_lookup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = polling(
        tmp_path,
        "azure",
        "{subscription_id: s, tenant_id: t, client_id: c, client_secret: x, resource_group: g,"
        " environment: azureChinaCloud}",
    )
    assert isinstance(found.lookup, AzureLookup)
    assert (found.refresh_s, found.lookup.resource_group) == (300.0, "g")
    assert found.lookup.cloud.manager == "https://management.chinacloudapi.cn"
    monkeypatch.setenv("OS_AUTH_URL", "http://env/v3")
    monkeypatch.setenv("OS_PROJECT_NAME", "p")
    lookup = polling(tmp_path, "openstack", "{role: instance, region: r}").lookup
    assert isinstance(lookup, OpenStackLookup)
    assert (lookup.account.url, lookup.account.project_name) == ("http://env/v3", "p")
    lookup = polling(
        tmp_path, "openstack", "{role: hypervisor, identity_endpoint: 'http://own', userid: u}"
    ).lookup
    assert isinstance(lookup, OpenStackLookup)
    assert (lookup.account.url, lookup.account.user_id) == ("http://own", "u")


@pytest.mark.parametrize(
    ("kind", "section", "reason"),
    [
        ("azure", "{tenant_id: t}", "subscription_id is missing"),
        ("azure", "{subscription_id: s}", "tenant_id is missing"),
        ("azure", "{subscription_id: s, environment: moon}", "none of Azure's clouds"),
        ("azure", "{subscription_id: s, authentication_method: x}", "'OAuth'"),
        ("openstack", "{region: r}", "role: Field required"),
        ("openstack", "{role: instance, basic_auth: {}}", "basic_auth: unknown key"),
    ],
)
def test_invalid_azure_and_openstack_sections_are_refused(
    tmp_path: Path, kind: str, section: str, reason: str
) -> None:
    assert reason in refusal(tmp_path, kind, section)
