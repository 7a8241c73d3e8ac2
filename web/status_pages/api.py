"""`/api/status-pages`: the pages, their logos and their incidents, for editors."""

import asyncio
from typing import Final

from aiohttp import web

from storage.api.status.pages import Logo
from web.http.audit_trail import note
from web.http.errors import BadRequestError
from web.http.operations import Operation
from web.http.parameters import Parameters, RecordId, read_body, read_json, read_path
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes, principal_of
from web.status_pages.board import StatusBoard
from web.status_pages.definition import StatusPage
from web.status_pages.documents import (
    IncidentsDocument,
    PublicIncident,
    StatusPageDocument,
    StatusPagesDocument,
    page_document,
    public_incident,
)
from web.status_pages.incidents import IncidentForm, Incidents, UpdateForm
from web.status_pages.references import References

_TAG: Final = "status pages"
_YEAR_MS: Final = 365 * 86_400_000
MOST_LOGO_BYTES: Final = 256 * 1024
LOGO_TYPES: Final = ("image/png", "image/jpeg", "image/webp")


class IncidentPath(Parameters):
    """The path parameters of an incident."""

    slug: str
    id: RecordId


class StatusPagesApi:
    """Status pages as JSON."""

    def __init__(self, board: StatusBoard, references: References) -> None:
        self._board, self._incidents, self._references = board, Incidents(board), references

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        path, one = "/api/status-pages", "/api/status-pages/{slug}"
        incident, page = f"{one}/incidents/{{id}}", StatusPageDocument
        look, edit = Access.VIEWER, Access.EDITOR
        missing, clash = (404,), (404, 409)
        put_logo = Operation(
            _TAG, body=bytes, status=204, body_media_types=LOGO_TYPES, errors=missing
        )
        opened = Operation(_TAG, PublicIncident, IncidentForm, status=201, errors=clash)
        updated = Operation(_TAG, PublicIncident, UpdateForm, path=IncidentPath, errors=missing)
        made = Operation(_TAG, page, StatusPage, status=201, errors=(409,))
        listing = Operation(_TAG, IncidentsDocument, errors=missing)
        gone = Operation(_TAG, status=204, errors=missing)
        dropped = Operation(_TAG, path=IncidentPath, status=204, errors=missing)
        return (
            *json_routes(
                ("GET", path, self.listed, look, Operation(_TAG, StatusPagesDocument)),
                ("POST", path, self.add, edit, made),
                ("GET", one, self.show, look, Operation(_TAG, page, errors=missing)),
                ("PUT", one, self.change, edit, Operation(_TAG, page, StatusPage, errors=clash)),
                ("DELETE", one, self.remove, edit, gone),
                ("DELETE", f"{one}/logo", self.remove_logo, edit, gone),
                ("GET", f"{one}/incidents", self.incidents, look, listing),
                ("POST", f"{one}/incidents", self.open, edit, opened),
                ("POST", f"{incident}/updates", self.update, edit, updated),
                ("DELETE", incident, self.remove_incident, edit, dropped),
            ),
            *json_routes(
                ("PUT", f"{one}/logo", self.put_logo, edit, put_logo),
                body_limit_bytes=MOST_LOGO_BYTES,
            ),
        )

    async def listed(self, request: web.Request) -> web.Response:
        """List all status pages."""
        found = [_page(page_document(each)) for each in (await self._board.pages()).values()]
        return json_response({"pages": found})

    async def add(self, request: web.Request) -> web.Response:
        """Make a status page."""
        page = await _read_page(request)
        await self._references.require_known(page, None)
        stored = await self._board.put(page, principal_of(request).name, is_new=True)
        note(request, "status_page.add", page.slug, title=page.title)
        return json_response(_page(page_document(stored)), 201)

    async def show(self, request: web.Request) -> web.Response:
        """Show one status page."""
        return json_response(_page(page_document(await self._board.get(_slug(request)))))

    async def change(self, request: web.Request) -> web.Response:
        """Define a status page anew."""
        page, slug = await _read_page(request), _slug(request)
        if page.slug != slug:
            raise BadRequestError("slug: cannot be changed, it is the page's address", "slug")
        await self._references.require_known(page, (await self._board.get(slug)).page)
        stored = await self._board.put(page, principal_of(request).name, is_new=False)
        note(request, "status_page.change", slug, title=page.title)
        return json_response(_page(page_document(stored)))

    async def remove(self, request: web.Request) -> web.Response:
        """Delete a status page with its incidents and its history."""
        slug = _slug(request)
        await self._board.remove(slug)
        note(request, "status_page.remove", slug)
        return web.Response(status=204)

    async def put_logo(self, request: web.Request) -> web.Response:
        """Store the logo: a PNG, JPEG or WebP image of up to 256 KiB."""
        slug, content = _slug(request), await read_body(request)
        await self._board.set_logo(slug, Logo(image_type(content), content))
        note(request, "status_page.logo", slug)
        return web.Response(status=204)

    async def remove_logo(self, request: web.Request) -> web.Response:
        """Delete the logo."""
        slug = _slug(request)
        await self._board.set_logo(slug, None)
        note(request, "status_page.logo", slug)
        return web.Response(status=204)

    async def incidents(self, request: web.Request) -> web.Response:
        """List the open incidents, and those of the last year."""
        page = (await self._board.get(_slug(request))).page
        since_ms = self._board.clock() - _YEAR_MS
        found = await self._board.records.incidents(page.slug, since_ms)
        return json_response({"incidents": [public_incident(each, page) for each in found]})

    async def open(self, request: web.Request) -> web.Response:
        """Open an incident with its first update."""
        form, slug = await read_json(request, IncidentForm), _slug(request)
        incident = await self._incidents.open(slug, form, principal_of(request).name)
        note(request, "incident.open", f"{slug}/{incident.id}", title=incident.title)
        page = (await self._board.get(slug)).page
        return json_response(public_incident(incident, page), 201)

    async def update(self, request: web.Request) -> web.Response:
        """Add an update to an incident; with the state `resolved`, it ends."""
        path, form = read_path(request, IncidentPath), await read_json(request, UpdateForm)
        page = (await self._board.get(path.slug)).page
        incident = await self._incidents.update(
            path.slug, path.id, form, principal_of(request).name
        )
        note(request, "incident.update", f"{path.slug}/{path.id}", state=form.state)
        return json_response(public_incident(incident, page))

    async def remove_incident(self, request: web.Request) -> web.Response:
        """Delete an incident with its updates."""
        path = read_path(request, IncidentPath)
        await self._incidents.remove(path.slug, path.id)
        note(request, "incident.remove", f"{path.slug}/{path.id}")
        return web.Response(status=204)


async def _read_page(request: web.Request) -> StatusPage:
    """Return the body; in a thread, because a time zone may be read from its file."""
    return await asyncio.to_thread(StatusPage.model_validate_json, await read_body(request))


def _slug(request: web.Request) -> str:
    return request.match_info["slug"]


def _page(document: StatusPageDocument) -> dict[str, object]:
    return {**document, "page": document["page"].model_dump(mode="json")}


def image_type(content: bytes) -> str:
    """Return the media type of an image, by its first bytes.

    Raises:
        BadRequestError: it is no PNG, JPEG or WebP image; SVG may hold scripts.
    """
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    raise BadRequestError("logo: send a PNG, JPEG or WebP image; SVG is refused")
