"""Labels of Prometheus's own receiver, case by case: promotion of attributes, scopes.

Facts of the test cases of its receiver: one resource, one scope, one point, and the labels that
each setting gives. `target_info` follows its documentation.
"""

from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from ingest.otlp.translation_settings import TranslationSettings
from tests.ingest.otlp.messages import key_values
from tests.ingest.otlp.otlp_setting import NOW_MS, NS, otlp_at, request

# Three attributes of the resource have names of labels that the point has already.
RESOURCE = {
    "service.name": "service name",
    "service.instance.id": "service ID",
    "existent-attr": "resource value",
    "metric-attr": "resource value",
    "job": "resource value",
    "instance": "resource value",
}
POINT = {
    "job": "service name",
    "instance": "service ID",
    "metric_attr": "metric value",
    "metric_attr_other": "metric value other",
}
SCOPE = {
    "otel_scope_name": "test-scope",
    "otel_scope_version": "1.0.0",
    "otel_scope_schema_url": "https://schema.com",
    "otel_scope_attr1": "value1",
    "otel_scope_attr2": "value2",
}
EXISTENT = {"existent_attr": "resource value"}
NAMED = {"service_name": "service name"}
IDENTIFIED = {"service_instance_id": "service ID"}


def message(*, with_scope: bool = True) -> ExportMetricsServiceRequest:
    metric = Metric(name="test_metric")
    attributes = {"metric-attr": "metric value", "metric-attr-other": "metric value other"}
    metric.gauge.data_points.add(
        time_unix_nano=NOW_MS * NS, as_double=1.0, attributes=key_values(attributes)
    )
    made = request(metric, resource=RESOURCE)
    if with_scope:
        scope = made.resource_metrics[0].scope_metrics[0]
        scope.schema_url = "https://schema.com"
        scope.scope.name, scope.scope.version = "test-scope", "1.0.0"
        scope.scope.attributes.extend(key_values({"attr1": "value1", "attr2": "value2"}))
    return made


def settings_of(
    *promoted: str, scope: bool = True, promote_all: bool = False, ignored: tuple[str, ...] = ()
) -> TranslationSettings:
    return TranslationSettings(
        promote_all=promote_all,
        promoted=frozenset(promoted),
        ignored=frozenset(ignored),
        promote_scope=scope,
    )


async def series_of(
    folder: Path, settings: TranslationSettings, sent: ExportMetricsServiceRequest, metric: str
) -> dict[str, str]:
    async with otlp_at(folder, translation=settings) as setting:
        assert (await setting.send(sent)).message == ""
        (series,) = [series for series in await setting.samples() if series.metric == metric]
    return dict(series.drop(("__name__",)))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (settings_of(scope=False), POINT),
        (settings_of(), POINT | SCOPE),
        (settings_of("non-existent-attr", "existent-attr"), POINT | SCOPE | EXISTENT),
        (
            settings_of("non-existent-attr", "existent-attr", "metric-attr", "job", "instance"),
            POINT | SCOPE | EXISTENT,
        ),
        (settings_of(promote_all=True), POINT | SCOPE | EXISTENT | NAMED | IDENTIFIED),
        (
            settings_of(promote_all=True, ignored=("service.instance.id",)),
            POINT | SCOPE | EXISTENT | NAMED,
        ),
    ],
    ids=["nothing", "scope", "one", "conflicting", "all", "all but one"],
)
async def test_labels_are_prometheus_labels(
    tmp_path: Path, settings: TranslationSettings, expected: dict[str, str]
) -> None:
    assert await series_of(tmp_path, settings, message(), "test_metric") == expected


async def test_metric_without_a_scope_has_no_labels_of_one(tmp_path: Path) -> None:
    found = await series_of(tmp_path, settings_of(), message(with_scope=False), "test_metric")
    assert found == POINT


@pytest.mark.parametrize("keeps", [False, True])
async def test_target_info_has_the_other_attributes_of_the_resource(
    tmp_path: Path, keeps: bool
) -> None:
    settings = TranslationSettings(keep_identifying=keeps)
    found = await series_of(tmp_path, settings, message(), "target_info")
    # An attribute named as an identifying label does not replace it.
    other = {
        "job": "service name",
        "instance": "service ID",
        "existent_attr": "resource value",
        "metric_attr": "resource value",
    }
    assert found == (other | NAMED | IDENTIFIED if keeps else other)
