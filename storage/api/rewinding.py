"""Sources that continue after the clock was set back.

A source takes its vectors in order of time, so one vector at a time in the future would
refuse all others until that time. Such a source continues on another stream. What it has in
the future stays there: queries about the present do not see it, and
`redshank store drop-future` deletes it.
"""

from collections.abc import Callable
from typing import Final

from model.labels import Labels
from storage.api.errors import OutOfOrderError
from storage.api.samples import SampleAppender, Source, Vector

REWIND_MS: Final = 10_000
"""A last vector that is so far ahead is from a clock that was wrong."""
_MOST_STREAMS: Final = 16


class RewindingSource:
    """A source, or that stream of it whose last vector is in the past.

    Attributes:
        overtaken_ms: the last time of the stream that was left, 0 if none was. Until then
            both streams have vectors.
        follows_clock: whether the times of the vectors come from this machine's clock. If
            not, a vector that is too old says nothing about the clock, and is refused.
    """

    def __init__(
        self,
        appender: SampleAppender,
        labels: Labels,
        stream: str = "",
        *,
        follows_clock: bool = True,
    ) -> None:
        self._appender, self._labels, self._stream = appender, labels, stream
        self._source: Source = appender.source(labels, stream)
        self.overtaken_ms, self.follows_clock = 0, follows_clock

    def append(self, vector: Vector, whole: Callable[[], Vector | None]) -> None:
        """Append a vector; on another stream if this one has vectors of the future.

        Args:
            vector: the vector.
            whole: returns the same vector with every column, None if it cannot.

        Raises:
            StorageError: the store refused it. After a change of the stream, the next vector
                must give every column.
        """
        try:
            self._appender.append(self._source, vector)
        except OutOfOrderError as exc:
            if not self.follows_clock or not is_rewound(exc.last_ms, vector.time_ms):
                raise
            self.overtaken_ms = exc.last_ms
            self._append_elsewhere(vector.time_ms, whole(), exc)

    def _append_elsewhere(
        self, time_ms: int, vector: Vector | None, refused: OutOfOrderError
    ) -> None:
        left = self._source
        for number in range(_MOST_STREAMS):
            name = f"{self._stream}~{number}" if number else self._stream
            source = self._appender.source(self._labels, name)
            if source == left:
                continue
            if vector is None:
                self._source = source
                raise refused
            try:
                self._appender.append(source, vector)
            except OutOfOrderError as exc:
                if not is_rewound(exc.last_ms, time_ms):
                    raise
            else:
                self._source = source
                return
        raise refused


def is_rewound(last_ms: int, time_ms: int) -> bool:
    """Return whether a source's last time shows that the clock was set back since."""
    return last_ms - time_ms >= REWIND_MS
