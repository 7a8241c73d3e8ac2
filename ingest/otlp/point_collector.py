"""Collects the samples of the data points of one request.

Source: opentelemetry-proto, metrics/v1/metrics.proto; Prometheus, OTLP receiver.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import numpy as np

from ingest.errors import TooMuchError
from ingest.limits.write_limits import RequestLimits
from ingest.otlp.distributions import (
    EXPLICIT,
    EXPONENTIAL,
    SUMMARY,
    Distribution,
    PointForm,
    attribute_bytes,
    read_distribution,
)
from ingest.otlp.histogram_points import FixedHistograms, fixed_form, group_name
from ingest.otlp.names import MetricKind
from ingest.otlp.number_points import (
    ATTRIBUTES_TAG,
    DOUBLE_TAG,
    INTEGER_TAG,
    START_TAG,
    TIME_TAG,
    FixedPoints,
)
from ingest.otlp.series_identities import VALUE, MetricIdentity
from ingest.series.sample_batch import SAMPLE, Deltas, FindSeries, Samples, SeriesKey
from ingest.series.series_cache import JointSeries
from ingest.wire import FIXED64, VARINT, fields
from model.series import STALE

_DOUBLE: Final = struct.Struct("<d")
_INTEGER: Final = struct.Struct("<q")
_VALUE_TAGS: Final = frozenset({DOUBLE_TAG, INTEGER_TAG})
_NS: Final = 1_000_000
# Series per point that a request may hold on average: a histogram has a dozen buckets.
_SAMPLES_PER_POINT: Final = 10

Span = tuple[int, int]
"""Where a point begins and ends in the message."""


class PointKind(Enum):
    """The message that a point is."""

    NUMBER = auto()
    HISTOGRAM = auto()
    EXPONENTIAL = auto()
    SUMMARY = auto()


_FORMS: Final[dict[PointKind, PointForm]] = {
    PointKind.HISTOGRAM: EXPLICIT,
    PointKind.EXPONENTIAL: EXPONENTIAL,
    PointKind.SUMMARY: SUMMARY,
}


@dataclass(frozen=True, slots=True)
class SampleMarks:
    """How many samples there are of each form."""

    started: int
    plain: int
    others: int
    histograms: dict[int, int]


class PointCollector:
    """Collects samples.

    Args:
        data: the message.
        find: returns the number of a known series.
        groups: the series of histograms, by the bytes that name them.
        limits: of the request.
        by_field: whether to read every point field by field.

    Attributes:
        started, plain: number points of the fixed forms, with and without a start time.
        histograms: histogram points of the fixed forms.
        others: all other samples: series, time, value, start.
        unknown: the keys of series that have no number yet.
        exemplars: how many there are.
    """

    def __init__(
        self,
        data: bytes,
        find: FindSeries,
        groups: JointSeries,
        limits: RequestLimits,
        *,
        by_field: bool,
    ) -> None:
        self.data, self.find, self._groups = data, find, groups
        self._limits, self._by_field = limits, by_field
        self.started, self.plain = FixedPoints(started=True), FixedPoints(started=False)
        self.histograms = FixedHistograms()
        self.others: list[tuple[int, int, float, int]] = []
        # Samples of deltas: the place in `others`, start and time in nanoseconds.
        self._deltas: list[tuple[int, int, int]] = []
        self.unknown: dict[SeriesKey, int] = {}
        self.exemplars = 0

    def samples(self) -> tuple[Samples, Deltas | None]:
        """Return all samples, and which of them are deltas."""
        forms = self.started, self.plain
        fixed = sum(len(one.ends) for one in forms) + len(self.histograms)
        samples, at = np.zeros(fixed + len(self.others), SAMPLE), 0
        for form in forms:
            if form.ends:
                form.read(self.data, samples[at : at + len(form.ends)])
                at += len(form.ends)
        self.histograms.read(self.data, samples[at:fixed])
        at = fixed
        samples[at:] = self.others
        if not self._deltas:
            return samples, None
        table = np.array(self._deltas, np.int64)
        return samples, Deltas(table[:, 0] + at, table[:, 1].copy(), table[:, 2].copy())

    def marks(self) -> SampleMarks:
        """Return how many samples there are now, for `times_ms`."""
        points = len(self.started.ends), len(self.plain.ends)
        return SampleMarks(*points, len(self.others), self.histograms.mark())

    def times_ms(self, marks: SampleMarks) -> list[int]:
        """Return the times since some marks; of points of the fixed forms the outermost."""
        times = [time_ms for _, time_ms, *_ in self.others[marks.others :]]
        times += self.started.times_ms(self.data, marks.started)
        times += self.plain.times_ms(self.data, marks.plain)
        return times + self.histograms.times_ms(self.data, marks.histograms)

    def number(self, key: SeriesKey) -> int:
        """Return the number of a series, -1 - k for the k-th unknown one."""
        known = self.find(key)
        if known is not None:
            return known
        if len(self.unknown) >= self._limits.series * _SAMPLES_PER_POINT:
            raise TooMuchError("the request has too many new series")
        return self.unknown.setdefault(key, -1 - len(self.unknown))

    def read_numbers(
        self, spans: Sequence[Span], metric: MetricIdentity, *, is_delta: bool
    ) -> None:
        data, find, prefix = self.data, self.find, metric.prefix + VALUE
        if is_delta or self._by_field:
            for at, stop in spans:
                self._read_number(at, stop, prefix, metric, is_delta=is_delta)
            return
        keep_start = metric.kind is MetricKind.COUNTER
        started, plain = self.started, self.plain
        for at, stop in spans:
            # The fast path: known attributes beside fields of the usual sizes. A known key
            # is whole fields, so what is left of the point begins with a tag.
            head, size = data[at] if at < stop else 0, stop - at
            series, end, form = None, stop, plain
            if head == START_TAG and size >= 27 and data[at + 9] == TIME_TAG:
                if data[at + 18] in _VALUE_TAGS:
                    end = at + 27
                    series = find(prefix + data[end:stop])
                    form = started if keep_start else plain
            elif head == TIME_TAG and size >= 18 and data[at + 9] in _VALUE_TAGS:
                end = at + 18
                series = find(prefix + data[end:stop])
            elif (
                # Newer Collectors write the attributes first.
                head == ATTRIBUTES_TAG
                and size > 27
                and data[stop - 27] == START_TAG
                and data[stop - 18] == TIME_TAG
                and data[stop - 9] in _VALUE_TAGS
            ):
                series = find(prefix + data[at : stop - 27])
                form = started if keep_start else plain
            if series is None:
                self._read_number(at, stop, prefix, metric, is_delta=False)
            else:
                form.series.append(series)
                form.ends.append(end)

    def _read_number(
        self, at: int, stop: int, prefix: bytes, metric: MetricIdentity, *, is_delta: bool
    ) -> None:
        """Read a number point field by field."""
        data, times, value, attributes, flags = self.data, {2: 0, 3: 0}, 0.0, [], 0
        for part in fields(data, at, stop):
            match part.number:
                case 2 | 3:
                    part.expect(FIXED64)
                    (times[part.number],) = _INTEGER.unpack_from(data, part.start)
                case 4:
                    part.expect(FIXED64)
                    (value,) = _DOUBLE.unpack_from(data, part.start)
                case 6:
                    part.expect(FIXED64)
                    value = float(_INTEGER.unpack_from(data, part.start)[0])
                case 7:
                    attributes.append(attribute_bytes(data, part, ATTRIBUTES_TAG))
                case 5:
                    self.exemplars += 1
                case 8:
                    part.expect(VARINT)
                    flags = part.start
        if flags & 1:
            value, is_delta = STALE, False
        keep_start = metric.kind is MetricKind.COUNTER
        key = prefix + b"".join(attributes)
        self._add(
            key, times[3], value, times[2] if keep_start or is_delta else 0, is_delta=is_delta
        )

    def _add(
        self, key: bytes, time_ns: int, value: float, start_ns: int, *, is_delta: bool
    ) -> None:
        if is_delta:
            self._deltas.append((len(self.others), start_ns, time_ns))
        self.others.append((self.number(key), time_ns // _NS, value, start_ns // _NS))

    def read_distributions(
        self, spans: Sequence[Span], metric: MetricIdentity, kind: PointKind, *, is_delta: bool
    ) -> None:
        data, form = self.data, _FORMS[kind]
        may_be_fixed = kind is PointKind.HISTOGRAM and not is_delta and not self._by_field
        for at, stop in spans:
            found = fixed_form(data, at, stop) if may_be_fixed else None
            if found is not None:
                begin, name = found
                series = self._groups.get(metric.prefix + name)
                if series is not None:
                    self.histograms.add(begin, series)
                    continue
            point = read_distribution(data, at, stop, form)
            self.exemplars += point.exemplars
            accumulates, first = is_delta and not point.stale, len(self.others)
            for part, value in _parts(point, kind):
                self._add(
                    metric.prefix + part + point.attributes,
                    point.time_ns,
                    STALE if point.stale else value,
                    point.start_ns,
                    is_delta=accumulates,
                )
            if found is not None and found[1] == group_name(data, at, stop):
                numbers = [series for series, *_ in self.others[first:]]
                if min(numbers) >= 0:
                    self._groups.add(metric.prefix + found[1], numbers)
            most = _SAMPLES_PER_POINT * self._limits.samples
            if len(self.others) + len(self.histograms) > most:
                raise TooMuchError(f"the points of one request stand for over {most} samples")


def _parts(point: Distribution, kind: PointKind) -> Iterator[tuple[bytes, float]]:
    """Return the part and the value of each series of a point."""
    match kind:
        case PointKind.HISTOGRAM:
            return point.explicit()
        case PointKind.SUMMARY:
            return point.summary()
        case _:
            return point.exponential()
