"""`MetricsDecoder`: the fast way equals the slow one, and both what protobuf reads."""

import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint

from ingest.limits.write_limits import LABEL_LIMITS
from ingest.otlp.metrics import MetricsDecoder
from ingest.otlp.series_identities import Identities
from ingest.otlp.translation_settings import TranslationSettings
from ingest.series.sample_batch import SeriesKey
from model.labels import Labels
from tests.ingest.otlp.messages import key_values, values
from tests.ingest.otlp.otlp_setting import NOW_MS, NS, counter, otlp_at, request

_TIMES = st.integers(0, 2**62)


@st.composite
def number_points(draw: st.DrawFn) -> Any:
    point: Any = NumberDataPoint(
        time_unix_nano=draw(_TIMES),
        start_time_unix_nano=draw(st.one_of(st.just(0), _TIMES)),
        attributes=key_values(
            draw(st.dictionaries(st.text("ab.", max_size=3), values(), max_size=2))
        ),
        flags=draw(st.sampled_from([0, 0, 0, 1, 2])),
    )
    if draw(st.booleans()):
        point.as_int = draw(st.integers(-(2**63), 2**63 - 1))
    elif draw(st.booleans()):
        point.as_double = draw(st.floats())
    if draw(st.integers(0, 9)) == 0:
        point.exemplars.add(as_double=1.0)
    return point


@st.composite
def metrics(draw: st.DrawFn) -> ExportMetricsServiceRequest:
    message = ExportMetricsServiceRequest()
    for service in draw(st.lists(st.sampled_from(["a", "b", ""]), max_size=2)):
        one = message.resource_metrics.add()
        if service:
            one.resource.attributes.extend(key_values({"service.name": service, "env": "x"}))
        scope = one.scope_metrics.add()
        for name in draw(st.lists(st.sampled_from(["m", "n.x", "9"]), max_size=3)):
            metric = scope.metrics.add(name=name, unit=draw(st.sampled_from(["", "s", "1"])))
            content: Any = metric.gauge
            if draw(st.booleans()):
                content = metric.sum
                content.aggregation_temporality = draw(st.sampled_from([1, 2]))
                content.is_monotonic = draw(st.booleans())
            content.data_points.extend(draw(st.lists(number_points(), max_size=3)))
    return message


Rows = list[tuple[Labels, int, str, int, tuple[int, int] | None]]


def decoded(data: bytes, known: dict[SeriesKey, int], *, by_field: bool) -> Rows:
    """Return the samples of a message, with the labels of their series."""
    names = {number: key for key, number in known.items()}
    identities = IDENTITIES
    decoder = MetricsDecoder(data, known.get, identities, by_field=by_field)
    batch = decoder.batch()
    deltas = {}
    if batch.deltas is not None:
        spans = zip(batch.deltas.starts_ns.tolist(), batch.deltas.times_ns.tolist(), strict=True)
        deltas = dict(zip(batch.deltas.rows.tolist(), spans, strict=True))
    rows = []
    for place, row in enumerate(batch.samples):
        number = int(row["series"])
        key = names[number] if number >= 0 else batch.unknown[-1 - number]
        labels = decoder.labels_of(key)
        value = row["value"].tobytes().hex()
        rows.append((labels, int(row["time_ms"]), value, int(row["start_ms"]), deltas.get(place)))
    for key in batch.unknown:
        known[key] = len(known)
    return sorted(rows, key=repr)


IDENTITIES = Identities(TranslationSettings(), LABEL_LIMITS)


@pytest.mark.slow
@given(metrics())
def test_known_series_are_read_as_unknown_ones_are(message: ExportMetricsServiceRequest) -> None:
    data = message.SerializeToString()
    known: dict[SeriesKey, int] = {}
    first = decoded(data, known, by_field=True)
    assert decoded(data, known, by_field=True) == first
    assert decoded(data, known, by_field=False) == first


@given(metrics())
def test_points_are_those_that_protobuf_reads(message: ExportMetricsServiceRequest) -> None:
    data = message.SerializeToString()
    rows = [row for row in decoded(data, {}, by_field=False) if row[0].metric != "target_info"]
    expected = [
        (point.time_unix_nano // NS, _value(point))
        for one in message.resource_metrics
        for scope in one.scope_metrics
        for metric in scope.metrics
        for point in (*metric.gauge.data_points, *metric.sum.data_points)
    ]
    found = [(time_ms, _unpacked(value)) for _, time_ms, value, *_ in rows]
    assert sorted(map(repr, found)) == sorted(map(repr, expected))


def _value(point: NumberDataPoint) -> float | None:
    """Return the value of a point, None for NaN and for points without a value."""
    value = float(point.as_int if point.WhichOneof("value") == "as_int" else point.as_double)
    return None if point.flags & 1 or math.isnan(value) else value


def _unpacked(packed: str) -> float | None:
    """Return the value of eight bytes, None for NaN."""
    value: float = struct.unpack("<d", bytes.fromhex(packed))[0]
    return None if math.isnan(value) else value


@pytest.mark.parametrize("attributes_first", [False, True])
async def test_the_forms_of_sdks_and_collectors_take_the_fast_way(
    tmp_path: Path, attributes_first: bool
) -> None:
    """Attributes after the value, as protobuf writes, or first, as newer Collectors do."""
    message = request(counter("hits", (NOW_MS - 5, NOW_MS, 3.0), a="b"))
    data = message.SerializeToString()
    point = message.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points[0]
    whole, content = point.SerializeToString(), point.attributes[0].SerializeToString()
    attribute = b"\x3a" + bytes([len(content)]) + content
    assert whole.endswith(attribute)
    if attributes_first:
        data = data.replace(whole, attribute + whole.removesuffix(attribute))
    known: dict[SeriesKey, int] = {}
    expected = decoded(data, known, by_field=True)
    decoder = MetricsDecoder(data, known.get, IDENTITIES)
    decoder.batch()
    assert len(decoder._points.started.ends) == 1
    assert decoded(data, known, by_field=False) == expected


async def test_every_kind_of_metric_becomes_its_series(tmp_path: Path) -> None:
    histogram: Any = Metric(name="wait", unit="s")
    histogram.histogram.aggregation_temporality = 2
    histogram.histogram.data_points.add(
        time_unix_nano=NOW_MS * NS,
        count=6,
        sum=1.5,
        bucket_counts=[1, 2, 3],
        explicit_bounds=[0.5, 1],
        exemplars=[{}],
    )
    exponential: Any = Metric(name="size", unit="By")
    exponential.exponential_histogram.aggregation_temporality = 2
    exponential.exponential_histogram.data_points.add(
        time_unix_nano=NOW_MS * NS,
        count=7,
        sum=20.0,
        scale=3,
        zero_count=1,
        positive={"offset": 0, "bucket_counts": [1, 1, 2]},
        negative={"offset": -1, "bucket_counts": [2]},
    )
    summary: Any = Metric(name="lag")
    summary.summary.data_points.add(
        time_unix_nano=NOW_MS * NS,
        count=2,
        sum=3.0,
        quantile_values=[{"quantile": 0.5, "value": 1.0}],
    )
    async with otlp_at(tmp_path) as setting:
        message = request(histogram, exponential, summary, resource={})
        answer = await setting.send(message)
        stored = {name: value for name, ((_, value),) in (await setting.stored()).items()}
        assert setting.receiver.statistics.exemplars == 1
    assert answer.rejected == 0
    assert "classic buckets" in answer.message
    assert stored == {
        "wait_seconds_sum": 1.5,
        "wait_seconds_count": 6,
        'wait_seconds_bucket{le="0.5"}': 1,
        'wait_seconds_bucket{le="1"}': 3,
        'wait_seconds_bucket{le="+Inf"}': 6,
        "size_bytes_sum": 20,
        "size_bytes_count": 7,
        'size_bytes_bucket{le="-0.8408964152537145"}': 2,
        'size_bytes_bucket{le="0"}': 3,
        'size_bytes_bucket{le="1.189207115002721"}': 5,
        'size_bytes_bucket{le="1.4142135623730951"}': 7,
        'size_bytes_bucket{le="+Inf"}': 7,
        "lag_sum": 3,
        "lag_count": 2,
        'lag{quantile="0.5"}': 1,
    }


async def test_delta_histograms_add_up_and_delta_exponential_ones_are_rejected(
    tmp_path: Path,
) -> None:
    exponential: Any = Metric(name="size")
    exponential.exponential_histogram.aggregation_temporality = 1
    exponential.exponential_histogram.data_points.add(time_unix_nano=NOW_MS * NS, count=1)
    async with otlp_at(tmp_path) as setting:
        for number in (0, 1, 1):
            histogram: Any = Metric(name="wait")
            histogram.histogram.aggregation_temporality = 1
            histogram.histogram.data_points.add(
                start_time_unix_nano=(NOW_MS + 1000 * number) * NS,
                time_unix_nano=(NOW_MS + 1000 * number + 1000) * NS,
                count=3,
                sum=1.5,
                bucket_counts=[1, 2],
                explicit_bounds=[0.5],
            )
            answer = await setting.send(request(histogram, exponential))
            assert answer.rejected == 1
            assert "must be cumulative" in answer.message
        stored = await setting.stored()
    series = 'wait_bucket{instance="i1",job="shop",le="0.5"}'
    assert stored[series] == [(1000, 1), (2000, 2)]
    assert stored['wait_count{instance="i1",job="shop"}'] == [(1000, 3), (2000, 6)]


async def test_target_info_covers_the_time_of_the_points_once(tmp_path: Path) -> None:
    resource = {"service.name": "shop", "env": "prod"}
    async with otlp_at(tmp_path) as setting:
        setting.now[0] += 400_000
        points = [(NOW_MS, NOW_MS + time_ms, 1.0) for time_ms in (0, 200_000, 400_000)]
        for _ in range(2):
            await setting.send(request(counter("hits", *points), resource=resource))
        stored = await setting.stored()
    assert stored['target_info{env="prod",job="shop"}'] == [
        (time_ms, 1) for time_ms in (0, 150_000, 300_000, 400_000)
    ]
