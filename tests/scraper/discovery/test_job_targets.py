from dataclasses import replace

import pytest

from model.labels import Labels
from scraper.discovery.groups import TargetGroup
from scraper.discovery.job_targets import JobTargetBuilder, JobTargets, job_targets
from scraper.discovery.jobs import ScrapeJob
from scraper.relabel import RelabelAction, RelabelRule

JOB = ScrapeJob("web", 15.0, 10.0)


def found(job: ScrapeJob, *addresses: str, **labels: str) -> JobTargets:
    return job_targets(job, [TargetGroup(addresses, Labels.of(labels))], {"node"})


def put(target_label: str, replacement: str, **fields: object) -> RelabelRule:
    rule = RelabelRule(target_label=target_label, replacement=replacement)
    return replace(rule, **fields)  # type: ignore[arg-type]


def test_address_becomes_url_and_instance() -> None:
    (target,) = found(JOB, "a:80", site="x").targets
    assert target.url == "http://a:80/metrics"
    assert target.labels == Labels.of(job="web", instance="a:80", site="x")
    assert (target.interval_s, target.timeout_s, target.pool) == (15.0, 10.0, "web")
    assert target.discovered == Labels.of(
        job="web",
        site="x",
        __address__="a:80",
        __scheme__="http",
        __metrics_path__="/metrics",
        __scrape_interval__="15s",
        __scrape_timeout__="10s",
    )


def test_relabelling_changes_every_part_of_a_target() -> None:
    rules = (
        put("__scheme__", "https"),
        put("__metrics_path__", "probe me"),
        put("__param_target", "$1", source_labels=("__address__",)),
        put("__address__", "prober:9115"),
        put("__scrape_interval__", "1m"),
        put("__tmp", "x"),
        put("instance", "me"),
        put("job", "other"),
    )
    job = replace(JOB, relabel_rules=rules, params=(("module", ("m",)), ("target", ("x", "y"))))
    (target,) = found(job, "https://site.example/").targets
    assert target.url == (
        "https://prober:9115/probe%20me?module=m&target=https%3A%2F%2Fsite.example%2F&target=y"
    )
    assert target.labels == Labels.of(job="other", instance="me")
    assert target.interval_s == 60.0


def test_dropped_targets_are_shown_up_to_the_limit() -> None:
    drop = RelabelRule(RelabelAction.DROP, ("__address__",), regex="b.*")
    job = replace(JOB, relabel_rules=(drop,), keep_dropped=1)
    result = found(job, "a:1", "b:1", "b:2")
    assert [target.instance for target in result.targets] == ["a:1"]
    assert [target.discovered.get("__address__") for target in result.dropped] == ["b:1"]
    assert result.dropped[0].pool == "web"
    assert result.dropped[0].reason == "relabel rule 1: drop [__address__] matching b.*"
    assert result.dropped_count == 2


def test_target_that_loses_its_address_is_dropped() -> None:
    (dropped,) = found(replace(JOB, relabel_rules=(put("__address__", ""),)), "a:1").dropped
    assert dropped.reason == "no __address__ is left after relabelling"


@pytest.mark.parametrize(
    ("label", "value", "reason"),
    [
        ("__scheme__", "ftp", "neither http nor https"),
        ("__address__", "a/b", "is not a valid host"),
        ("__scrape_interval__", "soon", "is not a duration"),
        ("__scrape_interval__", "1s", "timeout is longer"),
        ("__scrape_timeout__", "0", "cannot be 0"),
    ],
)
def test_invalid_targets_are_refused(label: str, value: str, reason: str) -> None:
    result = found(replace(JOB, relabel_rules=(put(label, value),)), "a:1")
    assert result.targets == ()
    assert reason in result.refused[0].reason


def test_target_without_an_address_is_dropped() -> None:
    result = found(replace(JOB, relabel_rules=(put("__address__", ""),)), "a:1")
    assert (len(result.targets), len(result.dropped)) == (0, 1)


def test_all_targets_are_refused_beyond_the_target_limit() -> None:
    result = found(replace(JOB, target_limit=1), "a:1", "b:1")
    assert {target.refused for target in result.targets} == {
        "target limit of 1 exceeded (2 targets)"
    }


def test_equal_targets_are_one() -> None:
    assert len(found(JOB, "a:1", "a:1").targets) == 1


def test_targets_of_host_jobs_are_machines() -> None:
    job = replace(JOB, name="node")
    assert [target.host for target in found(job, "a:9100", "b:9200").targets] == ["a", "b:9200"]
    assert found(JOB, "a:9100").targets[0].host is None


def test_groups_that_stay_keep_their_targets() -> None:
    builder = JobTargetBuilder(ScrapeJob("j", 15.0, 10.0))
    first, second = TargetGroup(("a:1",)), TargetGroup(("b:1",))
    before = builder.build([first, second]).targets
    third = TargetGroup(("c:1",))
    after = builder.build([third, first]).targets
    assert [target.instance for target in after] == ["c:1", "a:1"]
    assert after[1] is before[0]


def test_equal_targets_are_listed_once_and_others_with_equal_labels_are_kept() -> None:
    rule = RelabelRule(target_label="instance", replacement="x")
    builder = JobTargetBuilder(ScrapeJob("j", 15.0, 10.0, relabel_rules=(rule,)))
    groups = [TargetGroup((address,)) for address in ("a:1", "b:1", "b:1", "a:1")]
    urls = [target.url for target in builder.build(groups).targets]
    assert urls == ["http://a:1/metrics", "http://b:1/metrics"]
