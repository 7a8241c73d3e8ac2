"""Decodes `ExportMetricsServiceRequest` into a batch of samples.

Source: opentelemetry-proto, metrics/v1/metrics.proto.
"""

from typing import Final

from ingest.errors import MalformedMessageError, TooMuchError
from ingest.limits.write_limits import RequestLimits
from ingest.otlp.logs import read_scope
from ingest.otlp.names import MetricKind
from ingest.otlp.point_collector import PointCollector, PointKind, SampleMarks
from ingest.otlp.series_identities import Identities, MetricIdentity, TelemetryResource
from ingest.series.sample_batch import FindSeries, SampleBatch, SeriesKey
from ingest.series.series_cache import JointSeries
from ingest.wire import LENGTH, VARINT, Field, fields, read_length
from model.labels import Labels
from model.metadata import MetricMetadata
from model.telemetry.log_records import TelemetryScope

_POINT_TAG: Final = 0x0A
_DELTA, _CUMULATIVE = 1, 2
_MOST_MESSAGES: Final = 20

_GAUGE, _SUM, _HISTOGRAM, _EXPONENTIAL, _SUMMARY = 5, 7, 9, 10, 11
_KINDS: Final = {
    _GAUGE: MetricKind.GAUGE,
    _SUM: MetricKind.UP_DOWN_COUNTER,
    _HISTOGRAM: MetricKind.HISTOGRAM,
    _EXPONENTIAL: MetricKind.HISTOGRAM,
    _SUMMARY: MetricKind.SUMMARY,
}
_TYPES: Final = {
    MetricKind.GAUGE: "gauge",
    MetricKind.COUNTER: "counter",
    MetricKind.UP_DOWN_COUNTER: "gauge",
    MetricKind.HISTOGRAM: "histogram",
    MetricKind.SUMMARY: "summary",
}
_POINTS: Final = {
    _GAUGE: PointKind.NUMBER,
    _SUM: PointKind.NUMBER,
    _HISTOGRAM: PointKind.HISTOGRAM,
    _EXPONENTIAL: PointKind.EXPONENTIAL,
    _SUMMARY: PointKind.SUMMARY,
}


_NamedResource = tuple[bytes, TelemetryResource]
"""A resource with its bytes."""
_NamedScope = tuple[bytes, TelemetryScope, str]
"""The bytes of a scope, its content and the URL of its schema."""


class MetricsDecoder:
    """Collects the samples of one request.

    Args:
        data: the message.
        find: returns the number of a known series.
        identities: the resources and metrics that the sender repeats.
        limits: of the request.
        groups: the series of histograms, by the bytes that name them.
        by_field: whether to read every point field by field.

    Attributes:
        points: how many data points the request has.
        rejected: how many of them are refused whatever the store says.
        messages: why, and warnings about points that are stored.
    """

    def __init__(
        self,
        data: bytes,
        find: FindSeries,
        identities: Identities,
        limits: RequestLimits | None = None,
        *,
        groups: JointSeries | None = None,
        by_field: bool = False,
    ) -> None:
        self._data, self._identities = data, identities
        self._limits = limits or RequestLimits()
        groups = JointSeries(0) if groups is None else groups
        self._points = PointCollector(data, find, groups, self._limits, by_field=by_field)
        self._used: dict[bytes, MetricIdentity] = {}
        self._info: dict[SeriesKey, Labels] = {}
        self._info_until: list[tuple[TelemetryResource, int]] = []
        self._metadata: dict[str, MetricMetadata] = {}
        self.points = self.rejected = 0
        self.messages: list[str] = []

    def batch(self) -> SampleBatch:
        """Decode the message.

        Raises:
            MalformedMessageError: it is no such message.
            TooMuchError: it exceeds a limit.
        """
        data = self._data
        try:
            for part in fields(data, 0, len(data)):
                if part.number == 1:
                    part.expect(LENGTH)
                    self._read_resource(part)
        except IndexError:
            raise MalformedMessageError("the message is cut off") from None
        samples, deltas = self._points.samples()
        return SampleBatch(
            samples,
            tuple(self._points.unknown),
            exemplars=self._points.exemplars,
            metadata=self._metadata,
            deltas=deltas,
        )

    def labels_of(self, key: SeriesKey) -> Labels:
        """Return the labels of an unknown series of this request; on any thread.

        Raises:
            BadLabelsError: they cannot be stored.
        """
        info = self._info.get(key)
        if info is not None:
            return self._identities.checked(info)
        packed = bytes(key) if isinstance(key, bytes) else b""
        return self._identities.labels_of(self._used[packed[:8]], packed)

    def stored(self) -> None:
        """Note that the samples are stored: later requests need not repeat `target_info`."""
        for resource, until_ms in self._info_until:
            resource.info_until_ms = max(resource.info_until_ms, until_ms)

    def _read_resource(self, place: Field) -> None:
        resource_place, scopes = None, []
        for part in fields(self._data, place.start, place.stop):
            if part.number == 1:
                part.expect(LENGTH)
                resource_place = part
            elif part.number == 2:
                part.expect(LENGTH)
                scopes.append(part)
        resource = self._identities.resource(self._data, resource_place)
        marks = self._points.marks()
        for scope in scopes:
            self._read_scope(scope, resource)
        if resource[1].target_info is not None:
            self._add_target_info(resource[1], marks)

    def _read_scope(self, place: Field, resource: _NamedResource) -> None:
        scope_bytes, scope, url, metrics = b"", TelemetryScope(), "", []
        data = self._data
        for part in fields(data, place.start, place.stop):
            part.expect(LENGTH)
            if part.number == 1:
                scope_bytes = data[part.start : part.stop]
                if self._identities.settings.promote_scope:
                    scope = read_scope(data, part)
            elif part.number == 2:
                metrics.append(part)
            elif part.number == 3:
                url = data[part.start : part.stop].decode("utf-8", "replace")
        named = scope_bytes + b"\0" + url.encode(), scope, url
        for metric in metrics:
            self._read_metric(metric, resource, named)

    def _read_metric(
        self,
        place: Field,
        resource: _NamedResource,
        scope: tuple[bytes, TelemetryScope, str],
    ) -> None:
        data, texts, content = self._data, {1: b"", 2: b"", 3: b""}, None
        for part in fields(data, place.start, place.stop):
            if part.number in texts:
                part.expect(LENGTH)
                texts[part.number] = data[part.start : part.stop]
            elif part.number in _KINDS:
                part.expect(LENGTH)
                content = part
        if content is None:
            return
        spans, temporality, is_monotonic = self._spans(content)
        self.points += len(spans)
        if self.points > self._limits.samples:
            most = self._limits.samples
            raise TooMuchError(f"more than {most} data points in one request")
        kind = _KINDS[content.number]
        if content.number == _SUM and is_monotonic:
            kind = MetricKind.COUNTER
        metric = self._identities.metric(resource, scope, (texts[1], texts[3]), kind)
        refusal = metric.refusal or self._refusal(content.number, temporality, texts[1])
        if refusal:
            self._reject(len(spans), refusal)
            return
        self._used[metric.prefix] = metric
        self._describe(metric, texts[2], texts[3])
        is_delta = content.number not in (_GAUGE, _SUMMARY) and temporality == _DELTA
        if _POINTS[content.number] is PointKind.NUMBER:
            self._points.read_numbers(spans, metric, is_delta=is_delta)
            return
        if content.number == _EXPONENTIAL and spans:
            self._note(
                f"{metric.name}: exponential histograms are stored as classic buckets,"
                " four for each doubling"
            )
        kind_of_point = _POINTS[content.number]
        self._points.read_distributions(spans, metric, kind_of_point, is_delta=is_delta)

    def _refusal(self, number: int, temporality: int, name: bytes) -> str:
        """Return why points of a temporality are refused, "" if they are not."""
        shown = name.decode("utf-8", "replace")
        if number in (_GAUGE, _SUMMARY) or temporality == _CUMULATIVE:
            return ""
        if temporality != _DELTA:
            return f"metric {shown!r}: its aggregation temporality is not set"
        if number == _EXPONENTIAL:
            return f"metric {shown!r}: exponential histograms must be cumulative"
        return ""

    def _spans(self, content: Field) -> tuple[list[tuple[int, int]], int, bool]:
        """Return where the points of a metric are, its temporality, and if it is monotonic."""
        data, at, end = self._data, content.start, content.stop
        spans: list[tuple[int, int]] = []
        temporality, is_monotonic = 0, False
        while at < end:
            if data[at] == _POINT_TAG:
                # Lengths of one or two bytes inline: a call would take a third of the time.
                length, at = data[at + 1], at + 2
                if length > 0x7F and data[at] < 0x80:
                    length, at = length + (data[at] - 1 << 7), at + 1
                elif length > 0x7F:
                    length, at = read_length(data, at - 1, end)
                stop = at + length
                if stop > end:
                    raise MalformedMessageError(f"the point at offset {at} is cut off")
                spans.append((at, stop))
                at = stop
                continue
            part = next(fields(data, at, end))
            at = part.stop
            if part.number in (2, 3):
                part.expect(VARINT)
                if part.number == 2:
                    temporality = part.start
                else:
                    is_monotonic = bool(part.start)
            elif part.number == 1:
                part.expect(LENGTH)
                spans.append((part.start, part.stop))
        return spans, temporality, is_monotonic

    def _describe(self, metric: MetricIdentity, text: bytes, unit: bytes) -> None:
        self._metadata[metric.name] = MetricMetadata(
            _TYPES[metric.kind],
            text.decode("utf-8", "replace"),
            unit.decode("utf-8", "replace"),
        )

    def _reject(self, points: int, message: str) -> None:
        self.rejected += points
        if points:
            self._note(message)

    def _note(self, message: str) -> None:
        if len(self.messages) < _MOST_MESSAGES and message not in self.messages:
            self.messages.append(message)

    def _add_target_info(self, resource: TelemetryResource, marks: SampleMarks) -> None:
        """Add the samples of `target_info` from the first time to the last of a resource."""
        times = self._points.times_ms(marks)
        if not times or resource.target_info is None:
            return
        step_ms = max(self._identities.settings.lookback_ms // 2, 1)
        first, last = min(times), max(times)
        wanted = [*range(max(first, last - 100 * step_ms), last, step_ms), last]
        key = b"target_info" + resource.number.to_bytes(8, "little")
        fresh = [time_ms for time_ms in wanted if time_ms > resource.info_until_ms]
        if not fresh:
            return
        self._info[key] = resource.target_info
        series = self._points.number(key)
        self._points.others += [(series, time_ms, 1.0, 0) for time_ms in fresh]
        self._info_until.append((resource, last))
