"""The rows of one batch, and their bytes in the journal."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import compress
from operator import attrgetter
from typing import Final

import numpy as np
import orjson
from numpy.typing import NDArray

from storage.api.requests import NewRequest

_HEAD: Final = struct.Struct("<BIqI")
"""Kind, project, time of arrival, number of rows."""
_EVENTS: Final = 1
_REQUESTS: Final = 2
_fields_of: Final = attrgetter(*(field.name for field in fields(NewRequest)))
"""`dataclasses.astuple` copies deeply, which takes thirty times as long."""


@dataclass(frozen=True, slots=True)
class EventRows:
    """New events of one batch; columns of equal length.

    Attributes:
        project: the number of the project.
        received_ms: when the batch arrived.
        ids: uint64, the hashes of the event ids.
        times_ms: int64.
        names, distinct_ids, properties: as in `NewEvents`.
    """

    project: int
    received_ms: int
    ids: NDArray[np.uint64]
    times_ms: NDArray[np.int64]
    names: Sequence[str]
    distinct_ids: Sequence[str]
    properties: Sequence[str]

    def __len__(self) -> int:
        return len(self.ids)

    def only(self, wanted: NDArray[np.bool_]) -> "EventRows":
        """Return the wanted rows."""
        if wanted.all():
            return self
        flags = wanted.tolist()
        return EventRows(
            self.project,
            self.received_ms,
            self.ids[wanted],
            self.times_ms[wanted],
            list(compress(self.names, flags)),
            list(compress(self.distinct_ids, flags)),
            list(compress(self.properties, flags)),
        )

    def encoded(self) -> bytes:
        """Return the rows as bytes.

        Raises:
            TypeError: a text is not Unicode.
        """
        texts = orjson.dumps([list(self.names), list(self.distinct_ids), list(self.properties)])
        head = _HEAD.pack(_EVENTS, self.project, self.received_ms, len(self))
        ids, times = self.ids.astype("<u8", copy=False), self.times_ms.astype("<i8", copy=False)
        return b"".join((head, ids.tobytes(), times.tobytes(), texts))


@dataclass(frozen=True, slots=True)
class RequestRows:
    """Tracked requests of one batch."""

    project: int
    requests: Sequence[NewRequest]

    def __len__(self) -> int:
        return len(self.requests)

    def encoded(self) -> bytes:
        """Return the rows as bytes.

        Raises:
            TypeError: a text is not Unicode.
        """
        head = _HEAD.pack(_REQUESTS, self.project, 0, len(self))
        return head + orjson.dumps(list(map(_fields_of, self.requests)))


JournalRows = EventRows | RequestRows


def decoded_rows(data: bytes) -> JournalRows:
    """Return the rows of bytes whose checksum is right."""
    kind, project, received_ms, count = _HEAD.unpack_from(data)
    if kind == _REQUESTS:
        rows = orjson.loads(memoryview(data)[_HEAD.size :])
        return RequestRows(project, [NewRequest(*row) for row in rows])
    ids = np.frombuffer(data, "<u8", count, _HEAD.size).astype(np.uint64)
    times_ms = np.frombuffer(data, "<i8", count, _HEAD.size + ids.nbytes).astype(np.int64)
    texts = orjson.loads(memoryview(data)[_HEAD.size + 2 * ids.nbytes :])
    return EventRows(project, received_ms, ids, times_ms, *texts)
