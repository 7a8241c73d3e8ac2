"""`/v1/projects/{project_key}/export` and `/import`: events as files."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from aiohttp import web

from analytics.product.exchange import MEDIA_TYPES, EventExchange, ExportFormat
from analytics.service import Analytics
from storage.api.events import EventSelection
from web.events.activity_documents import ImportDocument, import_document
from web.events.activity_forms import ExportQuery, ImportQuery
from web.http.audit_trail import note
from web.http.bodies import read_body
from web.http.operations import Operation
from web.http.parameters import read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface
from web.projects.access import ProjectAccess
from web.projects.times import unix_ms

_TAG: Final = "events"
_PROJECT: Final = "/v1/projects/{project_key}"
_BODY_LIMIT_BYTES: Final = 32 * 2**20
_EVER_MS: Final = 2**62


class TransferApi:
    """Members export, editors import."""

    def __init__(self, analytics: Analytics, access: ProjectAccess) -> None:
        self._exchange: EventExchange = analytics.exchange
        self._access = access

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        export = Operation(
            _TAG,
            bytes,
            query=ExportQuery,
            media_type=MEDIA_TYPES[ExportFormat.JSONL],
            errors=(403, 404),
        )
        store = Operation(
            _TAG,
            ImportDocument,
            bytes,
            query=ImportQuery,
            body_media_types=tuple(MEDIA_TYPES.values()),
            errors=(403, 404),
        )
        return (
            Route(
                "GET",
                f"{_PROJECT}/export",
                self.export,
                Access.USER,
                Surface.JSON,
                operation=export,
            ),
            Route(
                "POST",
                f"{_PROJECT}/import",
                self.store,
                Access.USER,
                Surface.JSON,
                operation=store,
                body_limit_bytes=_BODY_LIMIT_BYTES,
            ),
        )

    async def export(self, request: web.Request) -> web.StreamResponse:
        """Return the events of a range, by default all, in the order of their arrival."""
        query = read_query(request.query, ExportQuery)
        key = request.match_info["project_key"]
        project = await self._access.for_reading(request, key)
        start_ms, end_ms = unix_ms(query.from_), unix_ms(query.to)
        selection = EventSelection(
            project.id,
            -_EVER_MS if start_ms is None else start_ms,
            _EVER_MS if end_ms is None else end_ms,
            None if query.eventName is None else (query.eventName,),
        )
        name = f"events-{key}.{query.format}"
        headers = {
            "Content-Type": MEDIA_TYPES[query.format],
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        note(request, "events.export", project.key, format=query.format)
        if query.format is ExportFormat.PARQUET:
            async with self._exchange.parquet(selection) as path:
                return await _sent_file(request, path, headers)
        return await _sent(request, self._exchange.lines(selection, query.format), headers)

    async def store(self, request: web.Request) -> web.Response:
        """Store the events of an exported file; a second import of it changes nothing.

        A bad row is named by its index and field, the others are kept.
        """
        query = read_query(request.query, ImportQuery)
        project = await self._access.for_changing(request, request.match_info["project_key"])
        result = await self._exchange.store(project, await read_body(request), query.format)
        note(request, "events.import", project.key, events=str(result.stored))
        return json_response(import_document(result))


async def _sent(
    request: web.Request, blocks: AsyncIterator[bytes], headers: dict[str, str]
) -> web.StreamResponse:
    """Send blocks as they come; an error before the first one becomes an error response."""
    first = await anext(blocks, b"")
    answer = web.StreamResponse(headers=headers)
    answer.enable_compression()
    await answer.prepare(request)
    await answer.write(first)
    async for block in blocks:
        await answer.write(block)
    await answer.write_eof()
    return answer


async def _sent_file(
    request: web.Request, path: Path, headers: dict[str, str]
) -> web.StreamResponse:
    """Send a file, and return when it has been sent: it is deleted then."""
    answer = web.FileResponse(path, headers=headers)
    await answer.prepare(request)
    return answer
