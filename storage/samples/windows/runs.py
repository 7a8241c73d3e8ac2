"""Runs: chunks written together, and the SQL that reads them.

The pieces of a run are written in the order of their keys, so a table only grows at its end
and its pages are full. Within a run they are ordered by metric, then by chunk, so that a
query of one metric over all hosts is one range of each run. Each level of merging has a
table of pieces of its own: short-lived runs leave no gaps between long-lived ones.
"""

import sqlite3
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from model.series import Times
from storage.api.errors import CorruptDataError
from storage.samples.windows.codec import decode_times
from storage.samples.windows.numbers import (
    LEVEL_BITS,
    LEVELS,
    MOST_CHUNKS,
    MOST_RUNS,
    PLACE_BITS,
    RUN_SHIFT,
    chunks_of,
    keys_of,
    level_of,
    table_of,
)
from storage.samples.windows.salvage import in_batches, marks

SCHEMA = """
create table if not exists metrics (id integer primary key, name text not null unique);
create table if not exists runs (
    id integer primary key, state integer not null, sizes blob not null);
create table if not exists chunks (
    id integer primary key, source integer not null, layout integer not null,
    start_ms integer not null, end_ms integer not null, count integer not null,
    samples integer not null, times blob not null);
create index if not exists chunks_by_source on chunks (source, start_ms);
""" + "".join(
    f"create table if not exists pieces_{level} (key integer primary key, data blob not null);\n"
    for level in range(LEVELS)
)

# States of a run. Only a live run has rows in `chunks`. The pieces of any other run are not
# read, and are deleted when the file is opened.
LIVE, BUILDING, DROPPED = range(3)

_MOST_VECTORS = 1 << 20

# A failing disk can leave rows with any type and value. They are skipped, because one such
# row would make every query fail. `typeof` reads only the header of a row.
_SOUND = f"""(
id between 0 and {(MOST_RUNS << PLACE_BITS) - 1}
and (id >> {PLACE_BITS}) & {(1 << LEVEL_BITS) - 1} < {LEVELS}
and typeof(source) = 'integer' and typeof(layout) = 'integer'
and typeof(start_ms) = 'integer' and typeof(end_ms) = 'integer'
and start_ms between (select start_ms from window) and end_ms
and end_ms < (select end_ms from window)
and typeof(count) = 'integer' and count between 1 and {_MOST_VECTORS}
and typeof(samples) = 'integer' and samples >= 0 and typeof(times) = 'blob'
)"""  # noqa: S608

_SIZE = struct.Struct("<II")


@dataclass(slots=True)
class Run:
    """A live run: its number, its range of time, both ends included, and its chunks."""

    id: int
    start_ms: int
    end_ms: int
    chunks: int

    @property
    def level(self) -> int:
        """How many times its chunks were merged."""
        return level_of(self.id)


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """The row of a chunk; `id` is made of its run and its place in the run."""

    id: int
    source_id: int
    layout_id: int
    start_ms: int
    end_ms: int
    count: int
    samples: int
    times: bytes

    def decoded_times(self) -> Times:
        """Return the times of its vectors.

        Raises:
            CorruptDataError: they are damaged.
        """
        decoded = decode_times(self.times, self.start_ms, self.count)
        if decoded[-1] != self.end_ms:
            raise CorruptDataError("times do not ascend to its end")
        return decoded


def pack_sizes(sizes: Mapping[int, int]) -> bytes:
    """Encode the bytes of all pieces of each metric in a run, by metric number."""
    return b"".join(_SIZE.pack(metric_id, size) for metric_id, size in sorted(sizes.items()))


def unpack_sizes(packed: bytes) -> dict[int, int]:
    """Decode the result of `pack_sizes`; return {} for anything else."""
    if not isinstance(packed, bytes) or len(packed) % _SIZE.size:
        return {}
    return dict(_SIZE.iter_unpack(packed))


def damaged_rows(connection: sqlite3.Connection) -> int:
    """Return the number of chunks whose rows are damaged."""
    (count,) = connection.execute(
        f"select count(*) from chunks where {_SOUND} is not true"  # noqa: S608
        " or source not in (select id from sources) or layout not in (select id from layouts)"
    ).fetchone()
    return int(count)


def read_spans(connection: sqlite3.Connection) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield source, layout, start, end and samples of each source's use of a layout."""
    yield from connection.execute(
        "select source, layout, min(start_ms), max(end_ms), sum(samples)"  # noqa: S608
        f" from chunks where {_SOUND} group by source, layout"
    )


def read_runs(connection: sqlite3.Connection) -> tuple[dict[int, Run], Counter[int]]:
    """Return the live runs, and their bytes of pieces by metric number."""
    runs = {
        row[0]: Run(*row)
        for row in connection.execute(
            f"select id >> {PLACE_BITS}, min(start_ms), max(end_ms), count(*)"  # noqa: S608
            f" from chunks where {_SOUND} group by 1"
        )
    }
    sizes: Counter[int] = Counter()
    for (packed,) in connection.execute("select sizes from runs where state = ?", (LIVE,)):
        sizes.update(unpack_sizes(packed))
    return runs, sizes


def unused_runs(connection: sqlite3.Connection) -> list[int]:
    """Return the runs that are not live."""
    rows = connection.execute(
        "select id from runs where state in (?, ?) and id between 0 and ?"  # noqa: S608
        f" and id & {(1 << LEVEL_BITS) - 1} < {LEVELS}"
        # A run with chunks is live, even if a damaged row has another state.
        f" and not exists (select 1 from chunks where chunks.id between runs.id << {PLACE_BITS}"
        f" and (runs.id << {PLACE_BITS}) + {MOST_CHUNKS - 1}) order by id",
        (BUILDING, DROPPED, MOST_RUNS - 1),
    )
    return [row[0] for row in rows]


def chunks_between(
    connection: sqlite3.Connection, source_ids: Sequence[int], start_ms: int, end_ms: int
) -> Iterator[ChunkRow]:
    """Yield the chunks of some sources that overlap a range, by source and start."""

    def fetch(some: Sequence[int]) -> list[ChunkRow]:
        rows = connection.execute(
            f"select * from chunks where source in ({marks(some)})"  # noqa: S608
            f" and start_ms <= ? and end_ms >= ? and {_SOUND} order by source, start_ms",
            (*some, end_ms, start_ms),
        )
        return [ChunkRow(*row) for row in rows]

    yield from in_batches(source_ids, fetch)


def chunks_of_run(connection: sqlite3.Connection, run: int) -> list[ChunkRow]:
    """Return a run's chunks, by source and start."""
    rows = connection.execute(
        f"select * from chunks where id between ? and ? and {_SOUND} order by id",  # noqa: S608
        chunks_of(run),
    )
    return [ChunkRow(*row) for row in rows]


def count_pieces(connection: sqlite3.Connection, run: int) -> int:
    """Return the number of a run's pieces."""
    (count,) = connection.execute(
        f"select count(*) from {table_of(run)} where key >= ? and key < ?",  # noqa: S608
        keys_of(run),
    ).fetchone()
    return int(count)


def spans_of(connection: sqlite3.Connection, source_id: int) -> list[tuple[int, int]]:
    """Return the start and end of every chunk of a source."""
    return connection.execute(
        f"select start_ms, end_ms from chunks where source = ? and {_SOUND}",  # noqa: S608
        (source_id,),
    ).fetchall()


def overlapping_chunks(connection: sqlite3.Connection) -> Iterator[tuple[int, int]]:
    """Yield number and source of each chunk that overlaps the one before it."""
    rows = connection.execute(
        "select id, source, start_ms, lag(end_ms) over (partition by source order by start_ms)"  # noqa: S608
        f" from chunks where {_SOUND}"
    )
    for chunk, source, start_ms, before_ms in rows:
        if before_ms is not None and start_ms <= before_ms:
            yield chunk, source


def pieces_of(connection: sqlite3.Connection, keys: Iterable[int]) -> dict[int, bytes]:
    """Return the bytes of the pieces with these keys; missing ones are left out."""
    found: dict[int, bytes] = {}
    ordered = sorted(keys, key=lambda key: (level_of(key >> RUN_SHIFT), key))
    for level, some_keys in groupby(ordered, key=lambda key: level_of(key >> RUN_SHIFT)):

        def fetch(some: Sequence[int], level: int = level) -> list[tuple[int, bytes]]:
            return connection.execute(
                f"select key, cast(data as blob) from pieces_{level} where key in ({marks(some)})",  # noqa: S608
                some,
            ).fetchall()

        found.update(in_batches(list(some_keys), fetch))
    return found
