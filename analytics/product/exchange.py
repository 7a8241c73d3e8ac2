"""Export and import of a project's events as JSON lines, CSV and Parquet."""

import csv
import io
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import orjson

from analytics.errors import ReportError
from analytics.product.batches import EventBatches
from analytics.product.ingestion import Identity, ItemError
from storage.api.activity import EventTransfer, ExportedEvent
from storage.api.events import EventSelection
from storage.api.projects import Project

_COLUMNS: Final = ("eventId", "eventName", "timestamp", "distinctId", "personId", "properties")
_BATCH: Final = 5_000
MOST_PARQUET_ROWS: Final = 200_000
MOST_ERRORS: Final = 100
_LONGEST_CELL: Final = 2**20


class ExportFormat(StrEnum):
    """The format of a file of events."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


MEDIA_TYPES: Final = {
    ExportFormat.JSONL: "application/x-ndjson",
    ExportFormat.CSV: "text/csv",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
}


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The outcome of the rows of an import.

    Attributes:
        stored: new events.
        duplicates: events that the project had already.
        refused: rows with an error.
        errors: the first of them; the index is that of the row, 0 for the first event.
    """

    stored: int
    duplicates: int
    refused: int
    errors: Sequence[ItemError]


class EventExchange:
    """Writes events in the formats of files, and stores events from them."""

    def __init__(self, transfer: EventTransfer, batches: EventBatches) -> None:
        self._transfer, self._batches = transfer, batches

    async def lines(
        self, selection: EventSelection, file_format: ExportFormat
    ) -> AsyncIterator[bytes]:
        """Iterate over a file of JSON lines or CSV, block by block."""
        if file_format is ExportFormat.CSV:
            yield ",".join(_COLUMNS).encode() + b"\r\n"
        encode = _csv if file_format is ExportFormat.CSV else _json_lines
        async for block in self._transfer.exported(selection):
            yield encode(block)

    @asynccontextmanager
    async def parquet(self, selection: EventSelection) -> AsyncIterator[Path]:
        """Yield the path of a Parquet file, which exists until the block ends."""
        path = await self._transfer.write_parquet(selection)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    async def store(self, project: Project, body: bytes, file_format: ExportFormat) -> ImportResult:
        """Store the events of a file; a second import of it changes nothing.

        Raises:
            ReportError: the file is not of this format.
            StorageError: the rows before are stored; another import stores the others.
        """
        if file_format is ExportFormat.PARQUET:
            rows: Iterator[Any] = iter(await self._transfer.parquet_rows(body, MOST_PARQUET_ROWS))
        else:
            rows = _csv_rows(body) if file_format is ExportFormat.CSV else _json_rows(body)
        result = ImportResult(0, 0, 0, ())
        first = 0
        for batch in _batches(rows):
            result = await self._add(project, batch, first, result)
            first += len(batch)
        return result

    async def _add(
        self, project: Project, rows: Sequence[Any], first: int, before: ImportResult
    ) -> ImportResult:
        items = [_item(row) for row in rows]
        persons = {
            # Forced: they were one person where they come from.
            Identity(row["distinctId"], row["personId"], is_forced=True)
            for row in rows
            if isinstance(row, Mapping)
            and _is_id(row.get("personId"))
            and _is_id(row.get("distinctId"))
        }
        stored = await self._batches.restore(project, items, persons)
        errors = [replace(error, index=error.index + first) for error in stored.errors]
        return ImportResult(
            before.stored + stored.stored,
            before.duplicates + stored.duplicates,
            before.refused + len(errors),
            (*before.errors, *errors)[:MOST_ERRORS],
        )


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 512


def _item(row: Any) -> Any:
    """Return a row as an item of a batch; rows of other programs may have its fields."""
    if not isinstance(row, Mapping):
        return row
    item = {name: value for name, value in row.items() if name not in ("personId", "receivedAt")}
    distinct_id = item.pop("distinctId", None)
    if distinct_id and not item.get("userId"):
        item["userId"] = distinct_id
    if isinstance(item.get("properties"), str):
        try:
            item["properties"] = orjson.loads(item["properties"] or b"{}")
        except orjson.JSONDecodeError:
            return item
    return item


def _json_lines(events: Sequence[ExportedEvent]) -> bytes:
    return b"".join(
        orjson.dumps(
            {
                "eventId": event.event_id,
                "eventName": event.name,
                "timestamp": _iso(event.time_ms),
                "receivedAt": _iso(event.received_ms),
                "distinctId": event.distinct_id,
                "personId": event.person_id,
                "properties": orjson.Fragment(event.properties),
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )
        for event in events
    )


def _csv(events: Sequence[ExportedEvent]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(
        (
            event.event_id,
            event.name,
            _iso(event.time_ms),
            event.distinct_id,
            event.person_id or "",
            event.properties,
        )
        for event in events
    )
    return text.getvalue().encode()


def _iso(time_ms: int) -> str:
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json_rows(body: bytes) -> Iterator[Any]:
    for number, line in enumerate(body.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            yield orjson.loads(line)
        except orjson.JSONDecodeError as exc:
            raise ReportError(f"line {number} is no JSON: {exc}", "body") from exc


def _csv_rows(body: bytes) -> Iterator[Any]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise ReportError(f"is not UTF-8: {exc}", "body") from exc
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="further", strict=True)
    try:
        for row in reader:
            if "further" in row:
                raise ReportError(f"line {reader.line_num} has too many columns", "body")
            yield row
    except csv.Error as exc:
        raise ReportError(f"line {reader.line_num}: {exc}", "body") from exc


def _batches(rows: Iterator[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
