"""The catalog: which sources and layouts there are, by number.

The journal's file holds it whole; each file of chunks holds copies of what its chunks
use, in tables of the same shape, so that it can be read alone and deleted alone.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from model.labels import Labels
from storage.api.errors import CorruptDataError
from storage.api.samples import Source
from storage.samples.catalog.layouts import (
    StoredLayout,
    decode_series,
    digest_of,
    encode_series,
    pack_series,
    unpack_series,
)

SCHEMA = """
create table if not exists sources (
    id integer primary key, labels blob not null, stream text not null);
create table if not exists layouts (
    id integer primary key, prefix integer, digest blob not null, series blob not null);
"""

# A failing disk leaves values of any type behind.
_SOUND_SOURCE = "typeof(labels) = 'blob' and typeof(stream) = 'text'"
_SOUND_LAYOUT = (
    "typeof(digest) = 'blob' and typeof(series) = 'blob' and typeof(prefix) in ('null', 'integer')"
)

# Numbers take four bytes in the journal.
_LARGEST_NUMBER = 2**32 - 1

# A layout that only grew is stored as its new columns; after so many steps it is
# stored whole again, so that reading one never takes many rows.
_LONGEST_PREFIX_CHAIN = 16


START_TIMES = "start times of "
"""Begins the stream of a source that holds another one's start times as values."""


class Sources:
    """Hash-conses sources; thread-safe.

    Attributes:
        of_starts: the numbers of those that hold start times, hidden from readers.
    """

    def __init__(self) -> None:
        self.of_starts: set[int] = set()
        self._by_key: dict[tuple[Labels, str], Source] = {}
        self._by_id: dict[int, Source] = {}
        self._next_id = 1
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Source]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def of(self, labels: Labels, stream: str) -> Source:
        """Return the source with these labels, made where it is new.

        Raises:
            ValueError: a label is no valid Unicode text.
        """
        known = self._by_key.get((labels, stream))
        if known is not None:
            return known
        encode_series([Labels.of(labels, stream=stream)])
        with self._lock:
            known = self._by_key.get((labels, stream))
            return known or self._add(Source(self._next_id, labels, stream))

    def know(self, source: Source) -> None:
        """Note a source that is on disk."""
        with self._lock:
            if source.id not in self._by_id:
                self._add(source)

    def reserve(self, source_ids: Iterable[int]) -> None:
        """Never give these numbers: rows that use them are somewhere."""
        with self._lock:
            self._next_id = max(self._next_id, 1 + max(source_ids, default=0))

    def _add(self, source: Source) -> Source:
        self._by_id[source.id] = source
        self._by_key.setdefault((source.labels, source.stream), source)
        if source.stream.startswith(START_TIMES):
            self.of_starts.add(source.id)
        self._next_id = max(self._next_id, source.id + 1)
        return source

    def find(self, labels: Labels, stream: str) -> Source | None:
        """Return the source with these labels if it is known."""
        return self._by_key.get((labels, stream))

    def get(self, source_id: int) -> Source | None:
        """Return a source by number."""
        return self._by_id.get(source_id)


class CatalogTables:
    """The catalog's rows in one file, used by the thread that writes it.

    It knows what the file holds already, if told how each transaction ended.
    """

    def __init__(self) -> None:
        self._sources: set[int] = set()
        self._chains: dict[int, int] = {}
        self._new_sources: list[int] = []
        self._new_layouts: list[int] = []
        self._prefixes: dict[int, int] = {}
        self._last_of_source: dict[int, StoredLayout] = {}

    def load(self, connection: sqlite3.Connection) -> None:
        """Learn what the file holds."""
        # Damaged rows are as good as missing: the next use writes them again.
        self._sources = {
            row[0]
            for row in connection.execute(f"select id from sources where {_SOUND_SOURCE}")  # noqa: S608
        }
        self._chains = {}
        for layout_id, prefix in connection.execute(
            f"select id, prefix from layouts where {_SOUND_LAYOUT} order by id"  # noqa: S608
        ):
            whole = prefix is None
            self._chains[layout_id] = (
                0 if whole else 1 + self._chains.get(prefix, _LONGEST_PREFIX_CHAIN)
            )
            if not whole:
                self._prefixes[layout_id] = prefix

    def put(
        self, connection: sqlite3.Connection, used: Iterable[tuple[Source, StoredLayout]]
    ) -> None:
        """Write the sources and layouts that the file does not hold yet."""
        for source, layout in used:
            if source.id not in self._sources:
                connection.execute(
                    "insert or replace into sources values (?, ?, ?)",
                    (source.id, encode_series([source.labels]), source.stream),
                )
                self._sources.add(source.id)
                self._new_sources.append(source.id)
            if layout.id not in self._chains:
                self._put_layout(connection, layout, self._last_of_source.get(source.id))
            self._last_of_source[source.id] = layout

    def committed(self) -> None:
        """Note that what was put is in the file."""
        self._new_sources.clear()
        self._new_layouts.clear()

    def rolled_back(self) -> None:
        """Note that what was put since the last commit is not in the file."""
        self._sources.difference_update(self._new_sources)
        for layout_id in self._new_layouts:
            self._chains.pop(layout_id, None)
        self.committed()

    def _put_layout(
        self, connection: sqlite3.Connection, layout: StoredLayout, before: StoredLayout | None
    ) -> None:
        prefix, skipped, chain = None, 0, 0
        if before is not None and before.id in self._chains and layout.extends(before):
            chain = 1 + self._chains[before.id]
            if chain <= _LONGEST_PREFIX_CHAIN:
                prefix, skipped = before.id, len(before.series)
            else:
                chain = 0
        connection.execute(
            "insert or replace into layouts values (?, ?, ?, ?)",
            (layout.id, prefix, digest_of(layout.series), pack_series(layout.series[skipped:])),
        )
        self._chains[layout.id] = chain
        if prefix is not None:
            self._prefixes[layout.id] = prefix
        self._new_layouts.append(layout.id)

    def layouts(self) -> list[int]:
        """Return the number of every layout in the file."""
        return list(self._chains)

    def delete_layouts(self, connection: sqlite3.Connection, kept: Iterable[int]) -> None:
        """Delete all layouts but some and those that these are stored upon."""
        needed = set()
        for layout_id in kept:
            wanted: int | None = layout_id
            while wanted is not None and wanted not in needed:
                needed.add(wanted)
                wanted = self._prefixes.get(wanted)
        gone = [layout_id for layout_id in self._chains if layout_id not in needed]
        connection.executemany("delete from layouts where id = ?", ((one,) for one in gone))
        for layout_id in gone:
            del self._chains[layout_id]
            self._prefixes.pop(layout_id, None)


@dataclass(frozen=True, slots=True)
class CatalogRows:
    """What a file's catalog holds.

    Attributes:
        sources: those that decode.
        digests: number and digest of each layout that is no obvious damage.
        lost_sources, lost_layouts: numbers whose rows are damaged.
    """

    sources: Sequence[Source] = ()
    digests: Sequence[tuple[int, bytes]] = ()
    lost_sources: Sequence[int] = ()
    lost_layouts: Sequence[int] = ()

    @property
    def damaged_rows(self) -> int:
        """How many rows are damaged."""
        return len(self.lost_sources) + len(self.lost_layouts)


def read_catalog(connection: sqlite3.Connection) -> CatalogRows:
    """Return the catalog of a file, but for the series of its layouts."""
    numbers = (1, _LARGEST_NUMBER)
    sources, lost_sources = [], []
    for number, labels, stream in connection.execute(
        "select id, labels, stream from sources where id between ? and ?", numbers
    ):
        try:
            (decoded,) = decode_series(labels)
        except (CorruptDataError, ValueError):
            decoded = None
        if decoded is None or not isinstance(stream, str):
            lost_sources.append(number)
        else:
            sources.append(Source(number, decoded, stream))
    digests = connection.execute(
        f"select id, digest from layouts where {_SOUND_LAYOUT} and id between ? and ?",  # noqa: S608
        numbers,
    ).fetchall()
    lost_layouts = connection.execute(
        f"select id from layouts where not ({_SOUND_LAYOUT}) and id between ? and ?",  # noqa: S608
        numbers,
    )
    return CatalogRows(sources, digests, lost_sources, [row[0] for row in lost_layouts])


def read_layout(connection: sqlite3.Connection, layout_id: int) -> Sequence[Labels]:
    """Return the series of a layout.

    Raises:
        CorruptDataError: it is missing, does not decode, or is not what was written.
    """
    parts: list[list[Labels]] = []
    digest = b""
    wanted: int | None = layout_id
    while wanted is not None:
        row = connection.execute(
            "select prefix, series, digest from layouts where id = ?", (wanted,)
        ).fetchone()
        if row is None or len(parts) > _LONGEST_PREFIX_CHAIN + 1:
            raise CorruptDataError(f"layout {layout_id} is incomplete")
        digest = digest or row[2]
        wanted = row[0]
        parts.append(unpack_series(row[1]))
    series = [labels for part in reversed(parts) for labels in part]
    # Other series than were written would take the values of these.
    if digest_of(series) != digest:
        raise CorruptDataError(f"layout {layout_id}: digest differs")
    return series
