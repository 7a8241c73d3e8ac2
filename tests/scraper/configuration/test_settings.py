import pytest
from pydantic import ValidationError

from model.labels import Labels
from scraper.configuration.settings import JobSettings, ScrapeSettings, all_targets, instance_of
from storage.api.hosts import Host


def read(**settings: object) -> ScrapeSettings:
    return ScrapeSettings.model_validate(settings)


def test_defaults_scrape_every_fifteen_seconds() -> None:
    settings = read()
    assert (settings.interval, settings.timeout, settings.jobs) == (15.0, 10.0, ())


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
    first, second = all_targets(settings, [])
    assert first.url == "http://a:80/metrics"
    assert first.labels == Labels.of(job="web", instance="a:80", site="x")
    assert (first.interval_s, first.timeout_s, first.host) == (60.0, 10.0, "a:80")
    assert second.url == "https://b/stats"
    assert second.instance == "b:443"


def test_registered_host_is_a_target_of_job_node() -> None:
    host = Host("web-1", "http://10.0.0.5:9100/metrics", Labels.of(site="a"), 5.0, id=7)
    (target,) = all_targets(read(), [host])
    assert target.labels == Labels.of(job="node", instance="10.0.0.5:9100", site="a")
    assert (target.host, target.host_id) == ("web-1", 7)
    assert (target.interval_s, target.timeout_s) == (5.0, 5.0)


def test_labels_of_a_host_win_over_the_defaults() -> None:
    host = Host("web-1", "http://10.0.0.5:9100/metrics", Labels.of(job="edge", instance="web-1"))
    (target,) = all_targets(read(), [host])
    assert target.labels == Labels.of(job="edge", instance="web-1")


def test_host_with_a_useless_url_is_left_out() -> None:
    hosts = [Host("x", "ftp://x"), Host("y", "http://y:9100/metrics")]
    assert [target.host for target in all_targets(read(), hosts)] == ["y"]


def test_limits_of_a_job_replace_the_servers() -> None:
    settings = read(
        limits={"body_size": "1MB"},
        jobs=[
            {"name": "a", "targets": ["a:1"]},
            {"name": "b", "targets": ["b:1"], "limits": {"samples": 5}},
        ],
    )
    first, second = all_targets(settings, [])
    assert first.limits.body_bytes == 2**20
    assert second.limits.samples == 5
    assert second.limits.body_bytes == 64 * 2**20


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"interval": "5 s"}, "not a duration"),
        ({"interval": "0s"}, "greater than or equal"),
        ({"interval": "5s"}, "timeout must not be longer than interval"),
        ({"jobs": [{"name": "a"}, {"name": "a"}]}, 'job "a" stands twice'),
        ({"jobs": [{"name": "a", "timeout": "20s"}]}, 'job "a": timeout must not be longer'),
        (
            {"jobs": [{"name": "a", "targets": ["a b:c"]}]},
            "Port could not be cast|is not an address",
        ),
        ({"jobs": [{"name": "a", "targets": ["ftp://a"]}]}, "is not an address"),
        ({"jobs": [{"name": "a", "labels": {"__name__": "x"}}]}, "cannot be the name of a label"),
        ({"jobs": [{"name": ""}]}, "at least 1 character"),
        ({"limits": {"body_size": "many"}}, "is not a size"),
        ({"limits": {"samples": -1}}, "greater than or equal to 0"),
        ({"unknown": 1}, "Extra inputs are not permitted"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        read(**settings)


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


def test_sizes_and_durations_have_units() -> None:
    job = JobSettings.model_validate(
        {"name": "a", "interval": "1h30m", "limits": {"body_size": "2KiB"}}
    )
    assert job.interval == 5400
    assert job.limits is not None
    assert job.limits.body_size == 2048
