"""`/api/palette`: what matches a reader's words, the best first."""

import asyncio
from collections.abc import Iterable, Sequence
from heapq import nsmallest
from typing import Annotated, Final

from aiohttp import web
from pydantic import Field, StringConstraints

from web.http.operations import Operation
from web.http.parameters import DIGITS, Parameters, read_query
from web.http.responses import json_response
from web.http.routing import Access, Principal, Route, Surface, principal_of
from web.http.viewing.readers import ReaderViews
from web.palette.documents import PaletteDocument, PaletteEntryDocument
from web.palette.matching import PaletteQuery
from web.palette.sources import PaletteEntry, PaletteSources

_THREAD_FROM: Final = 2_000
"""About 2 ms of matching; longer lists are searched in a thread."""

_ORDER: Final = ("page", "action", "host", "dashboard", "project", "alert", "rule", "metric")
"""Of entries that match alike, those of an earlier kind come first."""

Ranked = tuple[float, int, str, PaletteEntry]


class PaletteParameters(Parameters):
    """The text that the reader typed, and the number of entries to return."""

    q: Annotated[str, StringConstraints(max_length=200)] = Field("", description="words")
    limit: Annotated[int, Field(ge=1, le=100), DIGITS] = 30


class PaletteApi:
    """Finds entries of the command palette."""

    def __init__(self, sources: PaletteSources, views: ReaderViews) -> None:
        self._sources, self._views = sources, views

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        operation = Operation("palette", PaletteDocument, query=PaletteParameters)
        return (
            Route(
                "GET",
                "/api/palette",
                self.find,
                Access.VIEWER,
                Surface.JSON,
                operation=operation,
            ),
        )

    async def find(self, request: web.Request) -> web.Response:
        """Find pages, hosts, metrics, alerts, rules, dashboards, projects and actions.

        A text matches if it contains every word of `q`, or its letters in order. Without `q`
        the answer lists pages and actions.
        """
        query = read_query(request.query, PaletteParameters)
        async with self._views.of(request):
            return json_response(await self._find(query, principal_of(request)))

    async def _find(self, query: PaletteParameters, reader: Principal) -> PaletteDocument:
        words = PaletteQuery(query.q)
        if words.is_empty:
            return _document([*self._sources.first(reader)], query.limit)
        found: list[Ranked] = []
        async for entries in self._sources.all(reader):
            if isinstance(entries, Sequence) and len(entries) > _THREAD_FROM:
                found += await asyncio.to_thread(_best, words, entries, query.limit + 1)
            else:
                found += _best(words, entries, query.limit + 1)
        ranked = nsmallest(query.limit + 1, found, key=_rank)
        return _document([entry for *_, entry in ranked], query.limit)


def _rank(one: Ranked) -> tuple[float, int, str]:
    return one[:3]


def _best(words: PaletteQuery, entries: Iterable[PaletteEntry], most: int) -> list[Ranked]:
    found = (
        (-score, _ORDER.index(entry.kind), entry.title, entry)
        for entry in entries
        if (score := words.score(entry.title, (entry.detail, *entry.others)))
    )
    return nsmallest(most, found, key=_rank)


def _document(entries: Sequence[PaletteEntry], limit: int) -> PaletteDocument:
    return PaletteDocument(
        entries=[
            PaletteEntryDocument(
                kind=entry.kind,
                title=entry.title,
                detail=entry.detail,
                href=entry.href,
                action=entry.action,
            )
            for entry in entries[:limit]
        ],
        more=len(entries) > limit,
    )
