import platform
from http import HTTPStatus

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from exporter.gathering.self_metrics import SelfMetrics


def test_names_help_and_labels_are_those_of_prometheus_client() -> None:
    registry = CollectorRegistry()
    for collector in (ProcessCollector, GCCollector, PlatformCollector):
        collector(registry=registry)
    theirs = {
        (sample.name, metric.documentation, metric.type, frozenset(sample.labels.items()))
        for metric in registry.collect()
        for sample in metric.samples
    }
    ours = {
        (sample.name, family.documentation, family.type, frozenset(sample.labels.items()))
        for family in SelfMetrics("1", list).collect()
        for sample in family.samples
        if not sample.name.startswith("redshank_")
    }
    assert ours == theirs


def test_values_agree_with_prometheus_client() -> None:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    found = {
        family.name: family.samples[0].value
        for family in SelfMetrics("1", list).collect()
        if family.name.startswith("process_")
    }
    for name in ("process_start_time_seconds", "process_max_fds"):
        assert found[name] == registry.get_sample_value(name)
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes"):
        theirs = registry.get_sample_value(name)
        assert theirs is not None
        assert abs(found[name] - theirs) <= 0.5 * theirs


def test_responses_are_counted_by_status_and_stuck_collectors_as_they_are() -> None:
    stuck = ["loadavg"]
    metrics = SelfMetrics("1.2", lambda: stuck)
    metrics.count(HTTPStatus.OK)
    metrics.count(HTTPStatus.OK)
    metrics.count(HTTPStatus.NOT_FOUND)
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in metrics.collect()
        for sample in family.samples
    }
    assert samples["redshank_exporter_http_requests_total", "200"] == 2
    assert samples["redshank_exporter_http_requests_total", "404"] == 1
    assert samples["redshank_exporter_stuck_collectors",] == 1
    build = ("redshank_exporter_build_info", "1.2", platform.python_version(), platform.machine())
    assert samples[build] == 1
