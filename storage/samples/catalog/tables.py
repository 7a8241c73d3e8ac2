"""The tables of the catalog: sources and layouts by number.

The journal file holds the whole catalog. Each window file holds copies of the rows that
its chunks use, in tables of the same shape, so it can be read and deleted on its own.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from storage.api.errors import CorruptDataError
from storage.api.samples import Source
from storage.samples.catalog.label_encoding import (
    HashedSeries,
    SeriesDigest,
    decode_series,
    encode_series,
    pack_series,
    unpack_series,
)
from storage.samples.catalog.layouts import StoredLayout

SCHEMA = """
create table if not exists sources (
    id integer primary key, labels blob not null, stream text not null);
create table if not exists layouts (
    id integer primary key, prefix integer, digest blob not null, series blob not null);
"""

# A failing disk can leave values of a wrong type in a row.
_SOUND_SOURCE = "typeof(labels) = 'blob' and typeof(stream) = 'text'"
_SOUND_LAYOUT = (
    "typeof(digest) = 'blob' and typeof(series) = 'blob' and typeof(prefix) in ('null', 'integer')"
)

# A journal record has four bytes for a number.
_LARGEST_NUMBER = 2**32 - 1

# A layout that extends another is stored as its new columns only. After this many steps
# it is stored whole again, so that reading a layout takes few rows.
_LONGEST_PREFIX_CHAIN = 16


class CatalogTables:
    """Writes the catalog rows of one file that are not in it yet; used by its writing thread.

    Call `committed` or `rolled_back` after each transaction that called `put`.
    """

    def __init__(self) -> None:
        self._sources: set[int] = set()
        self._chains: dict[int, int] = {}
        self._new_sources: list[int] = []
        self._new_layouts: list[int] = []
        self._prefixes: dict[int, int] = {}
        self._last_of_source: dict[int, StoredLayout] = {}

    def load(self, connection: sqlite3.Connection) -> None:
        """Read which rows the file holds."""
        # Damaged rows count as missing: the next use writes them again.
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
        """Insert the sources and layouts that the file does not hold yet."""
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
        """Record that the rows of `put` are in the file."""
        self._new_sources.clear()
        self._new_layouts.clear()

    def rolled_back(self) -> None:
        """Record that the rows put since the last commit are not in the file."""
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
            (
                layout.id,
                prefix,
                layout.series_digest().value(),
                pack_series(layout.series[skipped:]),
            ),
        )
        self._chains[layout.id] = chain
        if prefix is not None:
            self._prefixes[layout.id] = prefix
        self._new_layouts.append(layout.id)

    def layouts(self) -> list[int]:
        """Return the numbers of all layouts in the file."""
        return list(self._chains)

    def delete_layouts(self, connection: sqlite3.Connection, kept: Iterable[int]) -> None:
        """Delete all layouts except `kept` and those that they extend on disk."""
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
    """The catalog of one file, without the series of its layouts.

    Attributes:
        sources: the sources that decode.
        digests: number and digest of each layout whose row is sound.
        lost_sources, lost_layouts: the numbers of damaged rows.
    """

    sources: Sequence[Source] = ()
    digests: Sequence[tuple[int, bytes]] = ()
    lost_sources: Sequence[int] = ()
    lost_layouts: Sequence[int] = ()

    @property
    def damaged_rows(self) -> int:
        """The number of damaged rows."""
        return len(self.lost_sources) + len(self.lost_layouts)


def read_catalog(connection: sqlite3.Connection) -> CatalogRows:
    """Return the catalog of a file."""
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


def _none_loaded(_: int) -> StoredLayout | None:
    return None


def read_layout(
    connection: sqlite3.Connection,
    layout_id: int,
    loaded: Callable[[int], StoredLayout | None] = _none_loaded,
) -> HashedSeries:
    """Return the series of a layout.

    Args:
        connection: to the file.
        layout_id: the number of the layout.
        loaded: returns a layout if it is in memory; its rows are not read again.

    Raises:
        CorruptDataError: a row is missing, does not decode, or differs from its digest.
    """
    parts: list[bytes] = []
    digest = b""
    wanted: int | None = layout_id
    before: StoredLayout | None = None
    while wanted is not None:
        row = connection.execute(
            "select prefix, series, digest from layouts where id = ?", (wanted,)
        ).fetchone()
        if row is None or len(parts) > _LONGEST_PREFIX_CHAIN + 1:
            raise CorruptDataError(f"layout {layout_id} is incomplete")
        digest = digest or row[2]
        wanted = row[0]
        parts.append(unpack_series(row[1]))
        before = None if wanted is None else loaded(wanted)
        if before is not None:
            break
    hashed = SeriesDigest() if before is None else before.series_digest()
    for part in reversed(parts):
        hashed = hashed.extended_by(part)
    # A layout with wrong series would give every value to the wrong series.
    if hashed.value() != digest:
        raise CorruptDataError(f"layout {layout_id}: digest differs")
    series = [] if before is None else list(before.series)
    for part in reversed(parts):
        series += decode_series(part)
    return HashedSeries(series, hashed)
