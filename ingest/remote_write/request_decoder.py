"""Decodes samples; shared by remote write 1.0 and 2.0.

A sender repeats the same label bytes in every request, so a known series is looked up
by these bytes, and its labels are not decoded. Samples of the fixed forms that all
senders write are decoded together in numpy; all others field by field.
"""

import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ingest.errors import MalformedMessageError, TooMuchError
from ingest.limits.write_limits import RequestLimits
from ingest.remote_write.native_histograms import read_histogram
from ingest.series.sample_batch import SAMPLE, FindSeries, SampleBatch, Samples, SeriesKey
from ingest.wire import FIXED64, VARINT, Field, fields, signed
from model.labels import METRIC_NAME
from model.metadata import MetricMetadata

# The fields of a sample as senders write them, each with its tag. Times between 1971 and
# 2109 take six bytes.
_VALUE: Final = [("value_tag", "u1"), ("value", "<f8")]
_TIME: Final = [("time_ms_tag", "u1"), ("time_ms", "u1", (6,))]
_START: Final = [("start_ms_tag", "u1"), ("start_ms", "u1", (6,))]
_TAGS: Final = {"value": 0x09, "time_ms": 0x10, "start_ms": 0x18}

_TIME_WEIGHTS = np.array([1 << 7 * place for place in range(6)], np.int64)
# The five continuation bits, which the weighted sum includes.
_TIME_EXCESS: Final = sum(0x80 << 7 * place for place in range(5))
_SAMPLE_TAG: Final = 0x12
# Classic samples per sample that a request may hold: a histogram has a hundred buckets.
_MOST_DERIVED: Final = 2
_DOUBLE = struct.Struct("<d")


class _IrregularError(Exception):
    """A sample does not have the expected fixed form."""


class FixedSamples:
    """Samples of one fixed form: found in the message, read later.

    Attributes:
        head: the first two bytes of each sample: tag and length.
        size: bytes of each sample.
        series: the number of the series of each.
        ends: the offset after each.
    """

    def __init__(self, *fields: list[tuple[Any, ...]]) -> None:
        form: list[tuple[Any, ...]] = [("head", "u1", (2,)), *chain.from_iterable(fields)]
        self._form = np.dtype(form)
        self._names = [name for name, *_ in form if name in _TAGS]
        self.size = self._form.itemsize
        self.head = bytes([_SAMPLE_TAG, self.size - 2])
        self.series: list[int] = []
        self.ends: list[int] = []

    def read(self, data: bytes, samples: Samples) -> None:
        """Read all samples at once.

        Raises:
            _IrregularError: one has another form.
        """
        windows = np.ndarray(
            (len(data) - self.size + 1, self.size), np.uint8, buffer=data, strides=(1, 1)
        )
        rows = windows[np.array(self.ends, np.int64) - self.size]
        if (rows[:, :2] != np.frombuffer(self.head, np.uint8)).any():
            raise _IrregularError
        found = rows.view(self._form).ravel()
        samples["series"] = self.series
        for name in self._names:
            if (found[f"{name}_tag"] != _TAGS[name]).any():
                raise _IrregularError
            samples[name] = found[name] if name == "value" else _times(found[name])


def _times(digits: NDArray[np.uint8]) -> NDArray[np.int64]:
    continues = digits >= 0x80
    if not continues[:, :5].all() or continues[:, 5].any():
        raise _IrregularError
    times: NDArray[np.int64] = digits.astype(np.int64) @ _TIME_WEIGHTS
    return times - _TIME_EXCESS


class RequestDecoder:
    """Collects the samples of one message.

    Attributes:
        by_field: whether to read every sample field by field.
        plain: samples with value and time.
        zero: samples with a time only; proto3 omits a value of 0.
        started: samples with value, time and start time.
        exemplars, histograms: how many there are.
        derived: how many classic samples stand for the histograms.
        metadata: by metric family.
    """

    def __init__(
        self, data: bytes, find: FindSeries, limits: RequestLimits, *, by_field: bool
    ) -> None:
        self.data, self.find, self._limits, self.by_field = data, find, limits, by_field
        self.plain, self.zero = FixedSamples(_VALUE, _TIME), FixedSamples(_TIME)
        self.started = FixedSamples(_VALUE, _TIME, _START)
        # All other samples: series, time, value, start.
        self._others: list[tuple[int, int, float, int]] = []
        self._unknown: dict[SeriesKey, int] = {}
        self.exemplars = self.histograms = self.derived = 0
        self.metadata: dict[str, MetricMetadata] = {}

    def number(self, key: SeriesKey) -> int:
        """Return the number of a series, -1 - k for the k-th unknown one."""
        known = self.find(key)
        if known is None:
            return self._unknown.setdefault(key, -1 - len(self._unknown))
        return known

    def sample(self, series: int, place: Field, start_ms: int = 0) -> None:
        """Read a sample field by field.

        Args:
            series: the number of its series.
            place: the field that holds it.
            start_ms: the start time if the sample has none.
        """
        time_ms, value = 0, 0.0
        for field in fields(self.data, place.start, place.stop):
            if field.number == 1:
                field.expect(FIXED64)
                (value,) = _DOUBLE.unpack_from(self.data, field.start)
            elif field.number == 2:
                field.expect(VARINT)
                time_ms = signed(field.start)
            elif field.number == 3:
                field.expect(VARINT)
                start_ms = signed(field.start)
        self._others.append((series, time_ms, value, start_ms))

    def histogram(self, labels: Sequence[str], place: Field) -> None:
        """Read a native histogram as classic samples.

        Args:
            labels: names and values by turns.
            place: the field that holds it.

        Raises:
            TooMuchError: the histograms of the request have too many buckets.
        """
        histogram = read_histogram(self.data, place.start, place.stop)
        pairs = dict(zip(labels[::2], labels[1::2], strict=True))
        self.histograms += 1
        for suffix, bound, value in histogram.samples():
            own = dict(pairs)
            if METRIC_NAME in own:
                own[METRIC_NAME] += suffix
            if bound:
                own["le"] = bound
            series = self.number(tuple(chain.from_iterable(own.items())))
            self._others.append((series, histogram.time_ms, value, 0))
            self.derived += 1
        most = _MOST_DERIVED * self._limits.samples
        if self.derived > most:
            raise TooMuchError(f"the histograms of one request have more than {most} buckets")

    def describe(self, family: str, metadata: MetricMetadata) -> None:
        """Keep the metadata of a metric family."""
        if family:
            self.metadata[family] = metadata

    def check_series(self, count: int) -> None:
        """Check the number of series.

        Raises:
            TooMuchError: it exceeds the limit.
        """
        if count > self._limits.series:
            raise TooMuchError(f"{count} series in one request, more than {self._limits.series}")

    def batch(self) -> SampleBatch:
        """Read the samples of the fixed forms and return all samples.

        Raises:
            _IrregularError: a sample does not have its fixed form.
            TooMuchError: there are too many samples.
        """
        forms = self.plain, self.zero, self.started
        count = sum(len(form.ends) for form in forms) + len(self._others)
        sent = count - self.derived + self.histograms
        if sent > self._limits.samples:
            raise TooMuchError(f"{sent} samples in one request, more than {self._limits.samples}")
        samples, at = np.zeros(count, SAMPLE), 0
        for form in forms:
            if form.ends:
                form.read(self.data, samples[at : at + len(form.ends)])
                at += len(form.ends)
        samples[at:] = self._others
        return SampleBatch(
            samples,
            tuple(self._unknown),
            self.exemplars,
            self.histograms,
            self.derived,
            self.metadata,
        )


def decoded(
    read: Callable[[RequestDecoder], None], data: bytes, find: FindSeries, limits: RequestLimits
) -> SampleBatch:
    """Decode a message: by the fixed forms if all samples have them, else field by field.

    Args:
        read: finds the samples of the message.
        data: the message.
        find: returns the number of a known series.
        limits: of the request.
    """

    def found(*, by_field: bool) -> SampleBatch:
        decoder = RequestDecoder(data, find, limits, by_field=by_field)
        read(decoder)
        return decoder.batch()

    try:
        with suppress(_IrregularError):
            return found(by_field=False)
        return found(by_field=True)
    except IndexError:
        raise MalformedMessageError("the message is cut off") from None
