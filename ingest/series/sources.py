"""Appending what comes in any order: one sender's series, in as many streams as it takes.

A sender that was offline sends what it kept beside what is new, so that times go back;
several processes on one device may name the same time. A vector goes to the first
stream whose last one is older.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ingest.refusals import DisorderError
from ingest.series.streams import Columns, PushStream, Values
from model.labels import Labels
from model.series import STALE
from storage.api.errors import OutOfOrderError
from storage.api.samples import SampleAppender, Source, Vector

_MOST_STREAMS: Final = 16
# A layout that holds more series than this besides those that come is made anew.
_MOST_SILENT: Final = 64
_MOST_SILENT_SHARE: Final = 4


class _Stream(PushStream):
    """Vectors in order of time, and the last of them."""

    __slots__ = ("_given", "_places", "_values")

    def __init__(self, appender: SampleAppender, source: Source) -> None:
        super().__init__(appender, source)
        # What the last vector gave, and in which columns: None for all, in their order.
        self._given: tuple[Labels, ...] = ()
        self._places: Columns | None = None
        self._values: Values = np.empty(0)

    def repeats(self, time_ms: int, series: tuple[Labels, ...], values: Values) -> bool:
        """Tell whether this is the last vector once more."""
        last = self.last_ms, self._given, self._values.tobytes()
        return last == (time_ms, series, values.tobytes())

    def write(self, time_ms: int, series: tuple[Labels, ...], values: Values) -> None:
        """Append a vector; series that it does not give have no sample then.

        Raises:
            OutOfOrderError: the store has a later one.
            StorageError: the store refused it.
        """
        is_known = series is self._given or series == self._given
        places = self._places if is_known else self._fit(series)
        row = values if places is None else self.row(places, values)
        # Whole, because this may be the source's first vector since the start.
        self._appender.append(self._source, Vector(time_ms, self.prepare(), None, row))
        self.last_ms, self._given, self._places, self._values = time_ms, series, places, values

    def _fit(self, series: tuple[Labels, ...]) -> Columns | None:
        """Give series columns and return them, None if they are all that there are."""
        new = [labels for labels in series if self.column_of(labels) is None]
        if self.width + len(new) - len(series) > _MOST_SILENT + _MOST_SILENT_SHARE * len(series):
            self.replace(series)
            self._given = ()
        elif new:
            self.grow(new)
        if self.series == series:
            return None
        return np.array([self.column_of(labels) for labels in series], np.int64)

    def end(self, time_ms: int) -> None:
        """End the series of the last vector, if the time allows it."""
        if self._given and time_ms > self.last_ms:
            self.write(time_ms, self._given, np.full(len(self._given), STALE))
            self._given = ()


class PushedSource:
    """One sender's series.

    Args:
        appender: where they go.
        labels: the sender's own.
        stream: tells these series from its others.
        field: how errors call the time.
    """

    __slots__ = ("_appender", "_field", "_labels", "_name", "_streams")

    def __init__(
        self, appender: SampleAppender, labels: Labels, stream: str = "", field: str = "timestamp"
    ) -> None:
        self._appender, self._labels, self._name, self._field = appender, labels, stream, field
        self._streams: list[_Stream] = []

    def append(self, time_ms: int, series: tuple[Labels, ...], values: Sequence[float]) -> None:
        """Append what was measured at one time.

        Args:
            time_ms: whatever time; what is the same as before at the same time is dropped.
            series: what was measured, each once.
            values: of `series`, in its order.

        Raises:
            DisorderError: too many vectors at the same time, or each older than the last.
            StorageError: the store refused it.
        """
        given = np.array(values, np.float64)
        for place in range(_MOST_STREAMS):
            stream = self._stream(place)
            if time_ms <= stream.last_ms:
                if stream.repeats(time_ms, series, given):
                    return
                continue
            try:
                stream.write(time_ms, series, given)
            except OutOfOrderError as exc:
                # From before the start: only the store knows.
                stream.last_ms = exc.last_ms
            else:
                return
        raise DisorderError(
            f"{self._field}: {_MOST_STREAMS} times sent before are at or after this one;"
            " send in order of time",
            self._field,
        )

    def _stream(self, place: int) -> _Stream:
        if place == len(self._streams):
            name = f"{self._name}/{place}" if place else self._name
            source = self._appender.source(self._labels, name)
            self._streams.append(_Stream(self._appender, source))
        return self._streams[place]

    def end(self, time_ms: int) -> None:
        """End every series.

        Raises:
            StorageError: the store refused it.
        """
        for stream in self._streams:
            stream.end(time_ms)
