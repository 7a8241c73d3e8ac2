"""Appends the vectors of one sender in any order of time.

A sender that was offline sends old vectors after new ones, and several processes of one
device may use the same timestamp. A vector goes to the first stream whose last vector
is older; up to 16 streams are opened.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from ingest.errors import DisorderError
from ingest.limits.budgets import Admission
from ingest.series.push_stream import Columns, PushStream, Values
from model.label_limits import memory_of
from model.labels import Labels
from model.series import STALE
from storage.api.errors import OutOfOrderError
from storage.api.samples import SampleAppender, Source, Vector

_MOST_STREAMS: Final = 16
# A layout is replaced if a vector leaves more columns empty than this number plus this
# multiple of its series.
_MOST_EMPTY: Final = 64
_MOST_EMPTY_MULTIPLE: Final = 4


class _OrderedStream(PushStream):
    """A stream of whole vectors in time order."""

    __slots__ = ("_admission", "_last_columns", "_last_series", "_last_values", "label_bytes")

    def __init__(
        self, appender: SampleAppender, source: Source, admission: Callable[[], Admission] | None
    ) -> None:
        super().__init__(appender, source)
        self._admission = admission
        self.label_bytes = 0
        # The last vector; its columns are None where it gave all of them in order.
        self._last_series: tuple[Labels, ...] = ()
        self._last_columns: Columns | None = None
        self._last_values: Values = np.empty(0)

    def is_last(self, time_ms: int, series: tuple[Labels, ...], values: Values) -> bool:
        """Return whether this vector equals the last one."""
        last = self.last_ms, self._last_series, self._last_values.tobytes()
        return last == (time_ms, series, values.tobytes())

    def write(self, time_ms: int, series: tuple[Labels, ...], values: Values) -> None:
        """Append a vector; all other series of the stream have no sample in it.

        Raises:
            OutOfOrderError: the store has a later vector.
            StorageError: the write failed.
        """
        is_known = series is self._last_series or series == self._last_series
        columns = self._last_columns if is_known else self._columns_for(series)
        row = values if columns is None else self.row(columns, values)
        # All columns: this may be the first vector of the source since the start.
        self._appender.append(self._source, Vector(time_ms, self.prepare(), None, row))
        self.last_ms = time_ms
        self._last_series, self._last_columns, self._last_values = series, columns, values

    def _columns_for(self, series: tuple[Labels, ...]) -> Columns | None:
        """Return the columns of series, added where missing; None for all columns in order."""
        new = [labels for labels in series if self.column_of(labels) is None]
        if self.width + len(new) - len(series) > _MOST_EMPTY + _MOST_EMPTY_MULTIPLE * len(series):
            self._admit(series, self.width, self.label_bytes)
            self.replace(series)
            self._last_series = ()
        elif new:
            self._admit(new)
            self.grow(new)
        if self.series == series:
            return None
        return np.array([self.column_of(labels) for labels in series], np.int64)

    def _admit(self, series: Sequence[Labels], gone: int = 0, gone_label_bytes: int = 0) -> None:
        """Count new columns, and those that they replace, in the sender's budget.

        Raises:
            PushLimitError: the sender has too many series, or too many label bytes.
        """
        label_bytes = sum(map(memory_of, series))
        if self._admission is not None:
            admission = self._admission()
            more, more_bytes = len(series) - gone, label_bytes - gone_label_bytes
            refusal = admission.refusal(series=max(0, more), label_bytes=max(0, more_bytes))
            if refusal is not None:
                raise refusal.error("metrics: the new ones are refused")
            admission.add(series=more, label_bytes=more_bytes)
        self.label_bytes += label_bytes - gone_label_bytes

    def end(self, time_ms: int) -> None:
        """Append staleness markers to the last vector's series, if the time is later."""
        if self._last_series and time_ms > self.last_ms:
            stale = np.full(len(self._last_series), STALE)
            self.write(time_ms, self._last_series, stale)
            self._last_series = ()


class PushedSource:
    """The series of one sender.

    Args:
        appender: the sample store.
        labels: the labels of the source.
        stream: distinguishes several sources with the same labels.
        field: the request field that holds the timestamp, for error messages.
        admission: returns the sender's admission, whose budget its streams and series
            count in; None for a sender without limits.
    """

    __slots__ = ("_admission", "_appender", "_field", "_labels", "_name", "_streams")

    def __init__(
        self,
        appender: SampleAppender,
        labels: Labels,
        stream: str = "",
        field: str = "timestamp",
        admission: Callable[[], Admission] | None = None,
    ) -> None:
        self._admission = admission
        self._appender, self._labels, self._name, self._field = appender, labels, stream, field
        self._streams: list[_OrderedStream] = []

    def append(self, time_ms: int, series: tuple[Labels, ...], values: Sequence[float]) -> None:
        """Append one vector; an exact repetition is dropped.

        Args:
            time_ms: in any order.
            series: distinct.
            values: one for each of `series`.

        Raises:
            DisorderError: 16 streams have vectors at this time or later.
            PushLimitError: the sender is at a limit.
            StorageError: the write failed.
        """
        row = np.array(values, np.float64)
        for number in range(_MOST_STREAMS):
            stream = self._stream(number)
            if time_ms <= stream.last_ms:
                if stream.is_last(time_ms, series, row):
                    return
                continue
            try:
                stream.write(time_ms, series, row)
            except OutOfOrderError as exc:
                # A vector from before the start, which only the store knows.
                stream.last_ms = exc.last_ms
            else:
                return
        raise DisorderError(
            f"{self._field}: {_MOST_STREAMS} times sent before are at or after this one;"
            " send in order of time",
            self._field,
        )

    def _stream(self, number: int) -> _OrderedStream:
        if number == len(self._streams):
            name = f"{self._name}/{number}" if number else self._name
            if self._admission is not None:
                admission = self._admission()
                refusal = admission.refusal(streams=1)
                if refusal is not None:
                    raise refusal.error("the message is refused")
                admission.add(streams=1)
            source = self._appender.source(self._labels, name)
            self._streams.append(_OrderedStream(self._appender, source, self._admission))
        return self._streams[number]

    def release(self) -> None:
        """Give back what the source has of its sender's budget; it is not used any more."""
        if self._admission is not None:
            self._admission().add(
                series=-sum(stream.width for stream in self._streams),
                label_bytes=-sum(stream.label_bytes for stream in self._streams),
                streams=-len(self._streams),
            )

    def end(self, time_ms: int) -> None:
        """Append a staleness marker to every series.

        Raises:
            StorageError: the write failed.
        """
        for stream in self._streams:
            stream.end(time_ms)
