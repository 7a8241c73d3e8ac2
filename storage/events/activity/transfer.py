"""`EventTransfer` over the event store's file."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from storage.api.activity import ExportedEvent
from storage.api.events import EventQueryError, EventSelection
from storage.events.reports import ReportQueries
from storage.events.sql import Sql

_BLOCK: Final = 20_000
_MOST_KNOWN_PERSONS: Final = 200_000
_PARQUET_MEMORY: Final = "256MB"

Block = tuple[Sequence[ExportedEvent], int]
"""Events, and the sequence of the last one."""


class TransferQueries(ReportQueries):
    """Queries of exports on one connection."""

    __slots__ = ()

    def exported(
        self, selection: EventSelection, after: int, persons: dict[int, str]
    ) -> Block | None:
        """Return the block after a sequence, None at the end.

        Args:
            selection: the events.
            after: the sequence of the last event of the block before.
            persons: the distinct ids of persons that others were merged into; grows.
        """
        query = Sql(
            "select e.sequence, e.id, n.name, e.time_ms, e.received_ms, e.distinct_id, i.person,"
            " e.properties from events e join names n on n.project = e.project and n.id = e.name"
            " left join identities i on i.project = e.project and i.alias = e.person where "
        )
        query += self._where(selection) + Sql(" and e.sequence > ?", (after,))
        rows = self._rows(query + Sql(" order by e.sequence limit ?", (_BLOCK,)))
        if not rows:
            return None
        merged = {row[6] for row in rows if row[6] is not None} - persons.keys()
        if merged:
            if len(persons) > _MOST_KNOWN_PERSONS:
                persons.clear()
                merged = {row[6] for row in rows if row[6] is not None}
            persons |= self._names_of(selection.project, merged)
        origin = self.hasher.origin(selection.project)
        events = [
            ExportedEvent(
                f"{number:016x}{origin}",
                name,
                time_ms,
                received_ms,
                distinct_id,
                None if person is None else persons[person],
                properties,
            )
            for _, number, name, time_ms, received_ms, distinct_id, person, properties in rows
        ]
        return events, rows[-1][0]

    def _names_of(self, project: int, persons: set[int]) -> dict[int, str]:
        """Return a distinct id for each person; a person without events of its own gets one."""
        found = self._rows(
            Sql(
                "select person, min(distinct_id) from events where project = ?"
                " and person in (select unnest(?::ubigint[])) group by person",
                (project, sorted(persons)),
            )
        )
        return {person: f"person-{person:016x}" for person in persons} | dict(found)

    def write_parquet(self, selection: EventSelection, path: Path) -> None:
        """Write events into a Parquet file."""
        origin = self.hasher.origin(selection.project)
        quoted = str(path).replace("'", "''")
        project = selection.project
        query = Sql(
            "copy (with shown as (select person, min(distinct_id) as text from events"
            " where project = ? and person in (select person from identities where project = ?)"
            " group by person)"
            ' select lpad(lower(hex(e.id)), 16, \'0\') || ? as "eventId", n.name as "eventName",'
            " strftime(epoch_ms(e.time_ms), '%Y-%m-%dT%H:%M:%S.%gZ') as \"timestamp\","
            ' e.distinct_id as "distinctId",'
            " case when i.person is not null then"
            " coalesce(s.text, 'person-' || lpad(lower(hex(i.person)), 16, '0')) end"
            ' as "personId", e.properties as "properties"'
            " from events e join names n on n.project = e.project and n.id = e.name"
            " left join identities i on i.project = e.project and i.alias = e.person"
            " left join shown s on s.person = i.person where ",
            (project, project, origin),
        )
        query += self._where(selection)
        query += Sql(f" order by e.sequence) to '{quoted}' (format parquet, compression zstd)")
        self.connection.execute(query.text, list(query.values))


class DuckEventTransfer:
    """Exports of one file; see `EventTransfer` for the methods."""

    def __init__(
        self, read: Callable[[Callable[[TransferQueries], Any]], Awaitable[Any]], folder: Path
    ) -> None:
        """Set up.

        Args:
            read: runs queries on a connection of their own.
            folder: the folder of temporary files, which may be large.
        """
        self._read, self._folder = read, folder

    async def exported(self, selection: EventSelection) -> AsyncIterator[Sequence[ExportedEvent]]:
        """See `EventTransfer.exported`."""
        persons: dict[int, str] = {}
        after = -1
        while block := await self._block(selection, after, persons):
            events, after = block
            yield events

    async def _block(
        self, selection: EventSelection, after: int, persons: dict[int, str]
    ) -> Block | None:
        found: Block | None = await self._read(
            lambda queries: queries.exported(selection, after, persons)
        )
        return found

    async def write_parquet(self, selection: EventSelection) -> Path:
        """See `EventTransfer.write_parquet`."""
        path = await asyncio.to_thread(self._temporary)
        try:
            await self._read(lambda queries: queries.write_parquet(selection, path))
        except BaseException:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise
        return path

    def _temporary(self) -> Path:
        with tempfile.NamedTemporaryFile(
            dir=self._folder, prefix="export-", suffix=".parquet", delete=False
        ) as file:
            return Path(file.name)

    async def parquet_rows(self, body: bytes, most: int) -> Sequence[Mapping[str, Any]]:
        """See `EventTransfer.parquet_rows`."""
        return await asyncio.to_thread(self._parquet_rows, body, most)

    def _parquet_rows(self, body: bytes, most: int) -> Sequence[Mapping[str, Any]]:
        import duckdb

        with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
            file.write(body)
            file.flush()
            with duckdb.connect(
                ":memory:", config={"memory_limit": _PARQUET_MEMORY, "threads": 1}
            ) as connection:
                try:
                    found = connection.execute("select * from read_parquet(?)", [file.name])
                    columns = [column[0] for column in found.description or ()]
                    rows = found.fetchmany(most + 1)
                except duckdb.Error as exc:
                    reason = str(exc).splitlines()[0].replace(file.name, "the body")
                    raise EventQueryError(f"body: {reason}") from exc
        if len(rows) > most:
            raise EventQueryError(f"body: more than {most} rows; import several files")
        return [dict(zip(columns, row, strict=True)) for row in rows]
