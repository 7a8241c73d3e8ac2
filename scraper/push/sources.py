"""Appending what comes in any order: one sender's series, in as many streams as it takes.

The store takes a source's vectors in order of time. A sender that was offline sends
what it kept beside what is new, so that times go back; several processes on one device
may name the same time. Each stream holds vectors in order; a vector goes to the first
stream whose last one is older. Reading merges them.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.series import ABSENT_BITS, STALE
from scraper.push.refusals import DisorderError
from storage.api.errors import OutOfOrderError
from storage.api.samples import Layout, SampleAppender, Source, Vector

_MOST_STREAMS: Final = 16
# A layout that holds more series than this besides those that come is made anew.
_MOST_SILENT: Final = 64
_MOST_SILENT_SHARE: Final = 4

Values = NDArray[np.float64]


class _Stream:
    """Vectors in order of time.

    Attributes:
        last_ms: the time of the last one, as far as is known.
    """

    __slots__ = (
        "_appender",
        "_columns",
        "_given",
        "_is_direct",
        "_layout",
        "_source",
        "_values",
        "last_ms",
    )

    def __init__(self, appender: SampleAppender, source: Source) -> None:
        self._appender, self._source = appender, source
        self.last_ms: int | None = None
        self._layout: Layout | None = None
        self._columns: dict[Labels, int] = {}
        # Whether the layout's series are those of the last vector, in its order.
        self._is_direct = False
        # What the last vector gave.
        self._given: tuple[Labels, ...] = ()
        self._values: Values = np.empty(0)

    def repeats(self, time_ms: int, series: tuple[Labels, ...], values: Values) -> bool:
        """Tell whether this is the last vector once more."""
        return (
            time_ms == self.last_ms
            and series == self._given
            and self._values.tobytes() == values.tobytes()
        )

    def append(self, time_ms: int, series: tuple[Labels, ...], values: Values) -> None:
        """Append a vector; series that it does not give have no sample then.

        Raises:
            OutOfOrderError: the store has a later one.
            StorageError: the store refused it.
        """
        layout = self._layout
        if layout is None or (series is not self._given and series != self._given):
            layout = self._fitting(series)
            self._is_direct = tuple(self._columns) == series
        row = values
        if not self._is_direct:
            row = np.full(len(layout.series), ABSENT_BITS, np.uint64).view(np.float64)
            columns = self._columns
            row[[columns[labels] for labels in series]] = values
        # Whole, because this may be the source's first vector since the start.
        self._appender.append(self._source, Vector(time_ms, layout, None, row))
        self.last_ms, self._given, self._values = time_ms, series, values

    def _fitting(self, series: tuple[Labels, ...]) -> Layout:
        """Return a layout with these series at least, the last one or one that extends it."""
        known = self._columns
        new = [labels for labels in series if labels not in known]
        silent = len(known) + len(new) - len(series)
        if self._layout is None or silent > _MOST_SILENT + _MOST_SILENT_SHARE * len(series):
            known, new = {}, list(series)
        if not new and self._layout is not None:
            return self._layout
        self._columns = dict(zip((*known, *new), range(len(known) + len(new)), strict=True))
        self._layout = self._appender.layout(tuple(self._columns))
        return self._layout

    def end(self, time_ms: int) -> None:
        """End the series of the last vector, if the time allows it."""
        if self._given and self.last_ms is not None and time_ms > self.last_ms:
            self.append(time_ms, self._given, np.full(len(self._given), STALE))
            self._given = ()


class PushedSource:
    """One sender's series."""

    __slots__ = ("_appender", "_field", "_labels", "_name", "_streams")

    def __init__(
        self, appender: SampleAppender, labels: Labels, stream: str = "", field: str = "timestamp"
    ) -> None:
        """Know nothing yet.

        Args:
            appender: where it goes.
            labels: the sender's own.
            stream: tells this from its other series.
            field: how errors call the time.
        """
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
            if stream.last_ms is not None and time_ms <= stream.last_ms:
                if stream.repeats(time_ms, series, given):
                    return
                continue
            try:
                stream.append(time_ms, series, given)
            except OutOfOrderError as exc:
                # From before the start: only the store knows.
                stream.last_ms = exc.last_ms
                continue
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
