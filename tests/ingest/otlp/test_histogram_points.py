"""Histograms of the fixed forms are read as those that are read field by field."""

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint

from ingest.limits.write_limits import LABEL_LIMITS
from ingest.otlp.histogram_points import fixed_form, group_name
from ingest.otlp.metrics import MetricsDecoder
from ingest.otlp.series_identities import Identities
from ingest.otlp.translation_settings import TranslationSettings
from ingest.series.series_cache import JointSeries
from ingest.wire import fields, varint
from tests.ingest.otlp.messages import key_values
from tests.ingest.otlp.otlp_setting import NOW_MS, NS

COUNTS = st.integers(0, 9) | st.integers(0, 2**64 - 1)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
Rows = list[tuple[int, int, str, int]]


def bounds(count: int) -> list[float]:
    return [float(bound) for bound in range(count)]


@st.composite
def points(draw: st.DrawFn) -> HistogramDataPoint:
    """Return a point of a few series, so that points repeat them; some are of other forms."""
    buckets = draw(st.sampled_from([1, 2, 3, 16, 20]))
    point: Any = HistogramDataPoint(
        start_time_unix_nano=draw(st.integers(1, NOW_MS * NS)),
        time_unix_nano=draw(st.integers(1, NOW_MS * NS)),
        count=draw(COUNTS),
        bucket_counts=draw(st.lists(COUNTS, min_size=buckets, max_size=buckets)),
        explicit_bounds=[
            float(bound) for bound in range(buckets - draw(st.sampled_from([1, 1, 0])))
        ],
        attributes=key_values(draw(st.sampled_from([{}, {"a": "b"}, {"a": "b", "c": "x" * 200}]))),
    )
    if draw(st.integers(0, 4)):
        point.sum = draw(FINITE)
    if draw(st.booleans()):
        point.min, point.max = draw(FINITE), draw(FINITE)
    if not draw(st.integers(0, 5)):
        point.flags = 1
    if not draw(st.integers(0, 5)):
        point.exemplars.add(as_double=1.0)
    return point  # type: ignore[no-any-return]


def attributes_first(data: bytes) -> bytes:
    """Return a point with its attributes before all other fields."""
    parts, at = list[tuple[bool, bytes]](), 0
    for part in fields(data, 0, len(data)):
        parts.append((part.number == 9, data[at : part.stop]))
        at = part.stop
    return b"".join(some for _, some in sorted(parts, key=lambda part: not part[0]))


class Sender:
    """What the server knows of a sender's series."""

    def __init__(self) -> None:
        self.known: dict[Any, int] = {}
        self.groups = JointSeries(100)
        self.identities = Identities(TranslationSettings(), LABEL_LIMITS)

    def rows(self, data: bytes, *, by_field: bool) -> Rows:
        decoder = MetricsDecoder(
            data, self.known.get, self.identities, groups=self.groups, by_field=by_field
        )
        batch = decoder.batch()
        for key in batch.unknown:
            self.known[key] = len(self.known)
        numbers = [self.known[key] for key in batch.unknown]
        return sorted(
            (
                int(row["series"]) if row["series"] >= 0 else numbers[-1 - int(row["series"])],
                int(row["time_ms"]),
                row["value"].tobytes().hex(),
                int(row["start_ms"]),
            )
            for row in batch.samples
        )


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def message(*packed: bytes) -> bytes:
    """Return a request with points in the bytes that are given: a library would sort fields."""
    histogram = b"".join(field(1, one) for one in packed) + b"\x10\x02"
    metric = field(1, b"wait") + field(3, b"s") + field(9, histogram)
    return field(1, field(2, field(2, metric)))


@given(st.lists(points(), min_size=1, max_size=4), st.booleans())
@settings(max_examples=150)
def test_points_of_known_series_are_read_as_field_by_field(
    found: list[HistogramDataPoint], begins: bool
) -> None:
    packed = [one.SerializeToString() for one in found]
    data = message(*(map(attributes_first, packed) if begins else packed))
    sender = Sender()
    first = sender.rows(data, by_field=True)
    for _ in range(3):
        assert sender.rows(data, by_field=False) == first
    assert sender.rows(data, by_field=True) == first


@given(points())
def test_attributes_before_the_other_fields_name_the_same_series(
    point: HistogramDataPoint,
) -> None:
    last = point.SerializeToString()
    first = attributes_first(last)
    found = fixed_form(first, 0, len(first)), fixed_form(last, 0, len(last))
    for data, form in zip((first, last), found, strict=True):
        if form is not None and form[1] == group_name(data, 0, len(data)):
            assert not point.exemplars
            assert not point.flags
            assert data[form[0]] == 0x11
            assert form[1] == group_name(last, 0, len(last))


@pytest.mark.parametrize("extremes", [False, True])
@pytest.mark.parametrize("buckets", [1, 10, 15, 16, 300])
def test_the_forms_of_sdks_and_collectors_are_fixed(buckets: int, extremes: bool) -> None:
    point: Any = HistogramDataPoint(
        start_time_unix_nano=1,
        time_unix_nano=2,
        count=3,
        sum=4.0,
        bucket_counts=[1] * buckets,
        explicit_bounds=bounds(buckets - 1),
        attributes=key_values({"a": "b"}),
    )
    if extremes:
        point.min, point.max = 0.5, 2.5
    data = point.SerializeToString()
    for form in [data] if extremes else [data, attributes_first(data)]:
        found = fixed_form(form, 0, len(form))
        # Without a bound, no field says so, and the point is read field by field.
        assert (found is None) == (buckets == 1)
        assert found is None or found[1] == group_name(form, 0, len(form))


@given(st.binary(max_size=80), st.booleans())
def test_any_bytes_have_a_form_or_none(data: bytes, begins: bool) -> None:
    head = b"\x11" + bytes(8) + b"\x19" + bytes(8) + b"\x21" + bytes(8) + b"\x29" + bytes(8)
    data = head + b"\x32" + data if begins else data
    found = fixed_form(data, 0, len(data))
    assert found is None or found[0] < len(data)


def test_series_of_a_repeated_point_are_found_at_once() -> None:
    point = HistogramDataPoint(
        start_time_unix_nano=NS,
        time_unix_nano=2 * NS,
        count=3,
        sum=4.0,
        bucket_counts=[1, 2],
        explicit_bounds=[5.0],
    )
    data, sender = message(point.SerializeToString()), Sender()
    for _ in range(3):
        # Sum, count, the bucket up to 5, and all.
        assert [value for _, _, value, _ in sender.rows(data, by_field=False)] == [
            struct.pack("<d", value).hex() for value in (4.0, 3.0, 1.0, 3.0)
        ]
    assert list(sender.groups.values()) == [[0, 1, 2, 3]]
    sender.known, sender.groups = {}, JointSeries(0)
    # Without a known series, the point is read field by field again.
    assert len(sender.rows(data, by_field=False)) == 4
