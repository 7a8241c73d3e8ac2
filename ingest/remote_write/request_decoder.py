"""What both versions of remote-write requests share: how samples are found and read.

A sender repeats the same label bytes in every request. So labels are not read but
looked up, whole, and of a series that is known only its samples are decoded: those in
the forms that every sender writes, all at once in numpy, anything else field by field.
"""

import struct
from collections.abc import Callable
from contextlib import suppress
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ingest.errors import MalformedMessageError, TooMuchError
from ingest.remote_write.wire import FIXED64, VARINT, Field, fields, signed
from ingest.series.write_request import (
    SAMPLE,
    FindSeries,
    RequestLimits,
    Samples,
    SeriesKey,
    WriteRequest,
)

# Each of a sample's fields as senders write it: its tag, and the bytes behind. A time
# takes six between 1971 and 2109.
_VALUE: Final = [("value_tag", "u1"), ("value", "<f8")]
_TIME: Final = [("time_ms_tag", "u1"), ("time_ms", "u1", (6,))]
_START: Final = [("start_ms_tag", "u1"), ("start_ms", "u1", (6,))]
_TAGS: Final = {"value": 0x09, "time_ms": 0x10, "start_ms": 0x18}

_TIME_WEIGHTS = np.array([1 << 7 * place for place in range(6)], np.int64)
# The five continuation bits that the weighted sum counts in.
_TIME_EXCESS: Final = sum(0x80 << 7 * place for place in range(5))
_SAMPLE_TAG: Final = 0x12
_DOUBLE = struct.Struct("<d")


class _IrregularError(Exception):
    """A sample that looked like one in a usual form is not."""


class UsualSamples:
    """Samples in one of the usual forms, found and not read yet.

    Attributes:
        head: how each begins: its tag and its length.
        size: of each, in bytes.
        series: their series' numbers.
        ends: where they end in the message.
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
        """Read all of them at once.

        Raises:
            _IrregularError: there is one in another form.
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
    """What was found in a message so far.

    Attributes:
        by_field: whether every sample is to be read field by field.
        plain, zero, started: samples as usual, those with the value 0, which proto3 does
            not write, and those that tell their start.
        exemplars, histograms: how many there are.
    """

    def __init__(
        self, data: bytes, find: FindSeries, limits: RequestLimits, *, by_field: bool
    ) -> None:
        self.data, self.find, self._limits, self.by_field = data, find, limits, by_field
        self.plain, self.zero = UsualSamples(_VALUE, _TIME), UsualSamples(_TIME)
        self.started = UsualSamples(_VALUE, _TIME, _START)
        # The others: series, time, value, start.
        self._odd: list[tuple[int, int, float, int]] = []
        self._unknown: dict[SeriesKey, int] = {}
        self.exemplars = self.histograms = 0

    def number(self, key: SeriesKey) -> int:
        """Return a series' number, -1 - k for the k-th unknown one."""
        known = self.find(key)
        if known is None:
            return self._unknown.setdefault(key, -1 - len(self._unknown))
        return known

    def sample(self, series: int, place: Field, start_ms: int = 0) -> None:
        """Read a sample field by field.

        Args:
            series: its number.
            place: where it is.
            start_ms: of a sample that does not tell.
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
        self._odd.append((series, time_ms, value, start_ms))

    def check_series(self, count: int) -> None:
        """Refuse too many series.

        Raises:
            TooMuchError: there are.
        """
        if count > self._limits.series:
            raise TooMuchError(f"{count} series in one request, more than {self._limits.series}")

    def result(self) -> WriteRequest:
        """Return everything found.

        Raises:
            _IrregularError: a sample in a usual form is not.
            TooMuchError: there are too many.
        """
        usual = self.plain, self.zero, self.started
        count = sum(len(one.ends) for one in usual) + len(self._odd)
        if count > self._limits.samples:
            raise TooMuchError(f"{count} samples in one request, more than {self._limits.samples}")
        samples, at = np.zeros(count, SAMPLE), 0
        for one in usual:
            if one.ends:
                one.read(self.data, samples[at : at + len(one.ends)])
                at += len(one.ends)
        samples[at:] = self._odd
        return WriteRequest(samples, tuple(self._unknown), self.exemplars, self.histograms)


def decoded(
    read: Callable[[RequestDecoder], None], data: bytes, find: FindSeries, limits: RequestLimits
) -> WriteRequest:
    """Decode a message, whose samples `read` finds.

    They are read together, or where they are not written as usual, field by field.
    """

    def found(*, by_field: bool) -> WriteRequest:
        decoder = RequestDecoder(data, find, limits, by_field=by_field)
        read(decoder)
        return decoder.result()

    try:
        with suppress(_IrregularError):
            return found(by_field=False)
        return found(by_field=True)
    except IndexError:
        raise MalformedMessageError("the message is cut off") from None
