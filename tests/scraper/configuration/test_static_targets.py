import pytest

from model.labels import Labels
from scraper.configuration.settings import ScrapeSettings
from scraper.configuration.static_targets import instance_of, static_targets
from storage.api.hosts import Host


def read(**settings: object) -> ScrapeSettings:
    return ScrapeSettings.model_validate(settings)


def test_job_becomes_targets() -> None:
    settings = read(
        interval="30s",
        jobs=[
            {
                "name": "web",
                "targets": ["a:80", "https://b/stats"],
                "interval": "1m",
                "labels": {"site": "x"},
                "hosts": True,
            }
        ],
    )
    first, second = static_targets(settings, [])
    assert first.url == "http://a:80/metrics"
    assert first.labels == Labels.of(job="web", instance="a:80", site="x")
    assert (first.interval_s, first.timeout_s, first.host) == (60.0, 10.0, "a:80")
    assert second.url == "https://b/stats"
    assert second.instance == "b:443"


def test_registered_host_is_a_target_of_job_node() -> None:
    host = Host("web-1", "http://10.0.0.5:9100/metrics", Labels.of(site="a"), 5.0, id=7)
    (target,) = static_targets(read(), [host])
    assert target.labels == Labels.of(job="node", instance="10.0.0.5:9100", site="a")
    assert (target.host, target.host_id) == ("web-1", 7)
    assert (target.interval_s, target.timeout_s) == (5.0, 5.0)


def test_labels_of_a_host_override_the_defaults() -> None:
    host = Host("web-1", "http://10.0.0.5:9100/metrics", Labels.of(job="edge", instance="web-1"))
    (target,) = static_targets(read(), [host])
    assert target.labels == Labels.of(job="edge", instance="web-1")


def test_targets_with_the_same_address_are_distinguished_by_path() -> None:
    targets = ["http://proxy:80/a", "http://proxy/b?x=1", "c:80"]
    found = static_targets(read(jobs=[{"name": "web", "targets": targets}]), [])
    assert [target.instance for target in found] == ["proxy:80/a", "proxy:80/b?x=1", "c:80"]


def test_registered_hosts_that_share_an_address_have_their_names_as_instance() -> None:
    hosts = [
        Host("c", "http://proxy:9100/c", Labels.of(instance="own"), id=3),
        Host("b", "http://proxy:9100/b", id=2),
        Host("a", "http://proxy:9100/a", id=1),
        Host("d", "http://proxy:9100/d", Labels.of(instance="own", job="x"), id=4),
    ]
    found = {target.host: target.instance for target in static_targets(read(), hosts)}
    assert found == {"a": "proxy:9100", "b": "b", "c": "own", "d": "own"}


def test_host_with_an_invalid_url_is_left_out() -> None:
    hosts = [Host("x", "ftp://x"), Host("y", "http://y:9100/metrics")]
    assert [target.host for target in static_targets(read(), hosts)] == ["y"]


def test_limits_of_a_job_replace_the_defaults() -> None:
    settings = read(
        limits={"body_size": "1MB"},
        jobs=[
            {"name": "a", "targets": ["a:1"]},
            {"name": "b", "targets": ["b:1"], "limits": {"samples": 5}},
        ],
    )
    first, second = static_targets(settings, [])
    assert first.limits.body_bytes == 2**20
    assert second.limits.samples == 5
    assert second.limits.body_bytes == 64 * 2**20


@pytest.mark.parametrize(
    ("url", "instance"),
    [
        ("http://a/metrics", "a:80"),
        ("https://a", "a:443"),
        ("http://[::1]:9100/metrics", "[::1]:9100"),
        ("http://A.example:9100", "a.example:9100"),
    ],
)
def test_instance_is_host_and_port(url: str, instance: str) -> None:
    assert instance_of(url) == instance
