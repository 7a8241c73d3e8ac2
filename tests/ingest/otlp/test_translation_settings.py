"""One request under each of Prometheus's four strategies: names, labels and values.

The expected series follow the rules that Prometheus documents for `translation_strategy`;
the peer on this machine is built without an OTLP receiver, so it is no oracle.
"""

from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from ingest.otlp.translation_settings import TranslationSettings, TranslationStrategy
from tests.ingest.otlp.messages import key_values
from tests.ingest.otlp.otlp_setting import NOW_MS, NS, counter, otlp_at, request

RESOURCE = {
    "service.name": "shop",
    "service.namespace": "eu",
    "service.instance.id": "i1",
    "k8s.pod.name": "p",
}
ESCAPED = ("http_route", "key_x", "k8s_pod_name")
UTF8 = ("http.route", "_x", "k8s.pod.name")
# The names of the counter, the histogram, the gauge and the sum that may fall; of attributes.
STRATEGIES = {
    TranslationStrategy.ESCAPED_WITH_SUFFIXES: (
        "http_requests_total",
        "http_server_duration_milliseconds",
        "queue_fill_ratio",
        "rows_read_bytes_per_second",
        ESCAPED,
    ),
    TranslationStrategy.ESCAPED_WITHOUT_SUFFIXES: (
        "http_requests",
        "http_server_duration",
        "queue_fill",
        "rows_read",
        ESCAPED,
    ),
    TranslationStrategy.UTF8_WITH_SUFFIXES: (
        "http.requests_total",
        "http.server.duration_milliseconds",
        "queue.fill_ratio",
        "rows.read_bytes_per_second",
        UTF8,
    ),
    TranslationStrategy.NONE: (
        "http.requests",
        "http.server.duration",
        "queue.fill",
        "rows.read",
        UTF8,
    ),
}


def message() -> ExportMetricsServiceRequest:
    """Return a request with a metric of each kind."""
    requests = counter("http.requests", (NOW_MS - 1000, NOW_MS, 7.0), unit="{request}")
    requests.sum.data_points[0].attributes.extend(key_values({"http.route": "/a", "_x": "1"}))
    when = {"start_time_unix_nano": (NOW_MS - 1000) * NS, "time_unix_nano": NOW_MS * NS}
    duration = Metric(name="http.server.duration", unit="ms")
    duration.histogram.aggregation_temporality = 2  # type: ignore[assignment]
    duration.histogram.data_points.add(
        **when, count=3, sum=9.0, bucket_counts=[1, 2], explicit_bounds=[5.0]
    )
    fill = Metric(name="queue.fill", unit="1")
    fill.gauge.data_points.add(time_unix_nano=NOW_MS * NS, as_double=0.5)
    rows = Metric(name="rows.read", unit="By/s")
    rows.sum.aggregation_temporality = 2  # type: ignore[assignment]
    rows.sum.data_points.add(**when, as_int=4)
    return request(requests, duration, fill, rows, resource=RESOURCE)


@pytest.mark.parametrize("strategy", TranslationStrategy)
async def test_strategy_decides_names_and_labels(
    tmp_path: Path, strategy: TranslationStrategy
) -> None:
    total, duration, fill, rows, (route, x, pod) = STRATEGIES[strategy]
    target = {"job": "eu/shop", "instance": "i1"}
    expected = {
        (total, *labels({**target, route: "/a", x: "1"})): 7.0,
        (f"{duration}_bucket", *labels({**target, "le": "5"})): 1.0,
        (f"{duration}_bucket", *labels({**target, "le": "+Inf"})): 3.0,
        (f"{duration}_count", *labels(target)): 3.0,
        (f"{duration}_sum", *labels(target)): 9.0,
        (fill, *labels(target)): 0.5,
        (rows, *labels(target)): 4.0,
        ("target_info", *labels({**target, pod: "p"})): 1.0,
    }
    settings = TranslationSettings(strategy=strategy)
    async with otlp_at(tmp_path, translation=settings) as setting:
        assert (await setting.send(message())).message == ""
        found = {
            (series.metric, *labels(named(str(series)))): list(samples.values())[-1]
            for series, samples in (await setting.samples()).items()
        }
    assert found == expected


def labels(found: dict[str, str]) -> list[tuple[str, str]]:
    return sorted(found.items())


def named(series: str) -> dict[str, str]:
    """Return the labels of a series' text; no value here has a comma."""
    pairs = (one.partition("=") for one in series.partition("{")[2].rstrip("}").split(","))
    return {name: value.strip('"') for name, _, value in pairs}


async def test_changed_settings_name_the_series_of_the_next_request(tmp_path: Path) -> None:
    def counted(name: str, time_ms: int, value: float) -> Metric:
        return counter(name, (NOW_MS - 1000, time_ms, value))

    one, two = counted("one.a", NOW_MS, 1.0), counted("two.a", NOW_MS, 2.0)
    later = counted("two.a", NOW_MS + 1000, 4.0), counted("one.a", NOW_MS + 1000, 3.0)
    async with otlp_at(tmp_path) as setting:
        setting.now[0] += 2000
        await setting.send(request(one, two))
        setting.receiver.translate(TranslationSettings(TranslationStrategy.NONE))
        # In another order, so that numbers which begin again would name other metrics.
        await setting.send(request(*later))
        found = {
            series.metric: list(samples.values())
            for series, samples in (await setting.samples()).items()
        }
    assert found == {"one_a_total": [1.0], "two_a_total": [2.0], "one.a": [3.0], "two.a": [4.0]}
