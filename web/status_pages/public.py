"""The public addresses of a status page: the page, its data, feeds, badges and style."""

import asyncio
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from web.http.errors import MissingError
from web.http.network import base_url
from web.http.operations import Operation
from web.http.rendering import Renderer
from web.http.responses import body_response, html_response, json_response
from web.http.routing import Access, Route, Surface
from web.http.viewing.view import VIEW
from web.settings import WebSettings
from web.status_pages.accent import accent_sheet
from web.status_pages.badges import WHAT, badge
from web.status_pages.board import StatusBoard
from web.status_pages.documents import PublicStatus, public_status
from web.status_pages.feeds import atom, rss
from web.status_pages.snapshot import Snapshot
from web.status_pages.words import (
    HEADLINES,
    STATE_WORDS,
    bar_text,
    iso_text,
    length_text,
    percent_text,
    seconds_text,
    time_text,
)

_TAG: Final = "status pages"
_SHORT: Final = {"Cache-Control": "public, max-age=5"}
_OF_LANGUAGE: Final = {**_SHORT, "Vary": "Accept-Language, Cookie"}
_EMBEDDED: Final = {
    "Cache-Control": "public, max-age=30",
    # Badges stand in web pages of other sites.
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_LOGO: Final = {"Cache-Control": "public, max-age=300"}
_WORDS: Final = {
    "state_words": STATE_WORDS,
    "headlines": HEADLINES,
    "bar_text": bar_text,
    "iso_text": iso_text,
    "time_text": time_text,
    "length_text": length_text,
    "percent_text": percent_text,
    "seconds_text": seconds_text,
}


class PublicStatusPages:
    """Answers everybody, without a login."""

    def __init__(self, board: StatusBoard, renderer: Renderer, settings: WebSettings) -> None:
        self._board, self._renderer, self._settings = board, renderer, settings
        self._rendered: dict[tuple[str, str], tuple[Snapshot, str]] = {}

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        one = "/status/{slug}"
        errors = (404,)
        data = Operation(_TAG, PublicStatus, errors=errors)
        image = Operation(_TAG, bytes, media_type="image/svg+xml", errors=errors)
        table = (
            # Before the page, whose pattern matches it too.
            (f"{one}.json", self.data, data),
            (one, self.page, None),
            (f"{one}/feed.atom", self.atom, _text("application/atom+xml")),
            (f"{one}/feed.rss", self.rss, _text("application/rss+xml")),
            (f"{one}/accent.css", self.accent, _text("text/css")),
            (
                f"{one}/logo",
                self.logo,
                Operation(_TAG, bytes, media_type="image/png", errors=errors),
            ),
            (f"{one}/badge/{{what}}.svg", self.badge, image),
            (f"{one}/badge/{{component}}/{{what}}.svg", self.badge, image),
        )
        return tuple(
            Route(
                "GET",
                path,
                handler,
                Access.PUBLIC,
                Surface.PAGE if operation is None else Surface.JSON,
                operation=operation,
            )
            for path, handler, operation in table
        )

    async def _snapshot(self, request: web.Request) -> Snapshot:
        slug = request.match_info["slug"]
        stored = (await self._board.pages()).get(slug)
        if stored is None or not stored.page.published:
            raise MissingError("there is no such status page")
        return await self._board.snapshot(slug)

    def _url(self, request: web.Request, snapshot: Snapshot) -> str:
        page = snapshot.page
        base = f"https://{page.domain}" if page.domain else base_url(request, self._settings)
        return f"{base}/status/{page.slug}"

    async def page(self, request: web.Request) -> web.Response:
        """Show the page; all visitors of a language get the same text for some seconds."""
        snapshot = await self._snapshot(request)
        key = snapshot.page.slug, VIEW.get().language
        known = self._rendered.get(key)
        if known is None or known[0] is not snapshot:
            text = await asyncio.to_thread(self._text, snapshot)
            known = self._rendered[key] = snapshot, text
        return html_response(known[1], headers=_OF_LANGUAGE)

    def _text(self, snapshot: Snapshot) -> str:
        template = self._renderer.resources.templates.get_template("status_pages/public.html")
        return template.render(
            view=snapshot,
            page=snapshot.page,
            theme="",
            language=VIEW.get().language,
            lines=response_lines,
            **_WORDS,
        )

    async def data(self, request: web.Request) -> web.Response:
        """Return what the page shows."""
        return json_response(public_status(await self._snapshot(request)), headers=_SHORT)

    async def atom(self, request: web.Request) -> web.Response:
        """Return the incidents as an Atom feed."""
        snapshot = await self._snapshot(request)
        body = atom(snapshot, self._url(request, snapshot))
        return body_response(body, "application/atom+xml", headers=_SHORT)

    async def rss(self, request: web.Request) -> web.Response:
        """Return the incidents as an RSS feed."""
        snapshot = await self._snapshot(request)
        body = rss(snapshot, self._url(request, snapshot))
        return body_response(body, "application/rss+xml", headers=_SHORT)

    async def accent(self, request: web.Request) -> web.Response:
        """Return the style sheet with the accent colour."""
        snapshot = await self._snapshot(request)
        return body_response(
            accent_sheet(snapshot.page.accent).encode(), "text/css", headers=_SHORT
        )

    async def logo(self, request: web.Request) -> web.Response:
        """Return the logo."""
        snapshot = await self._snapshot(request)
        logo = await self._board.records.logo(snapshot.page.slug)
        if logo is None:
            raise MissingError("the page has no logo")
        return web.Response(body=logo.content, content_type=logo.media_type, headers=_LOGO)

    async def badge(self, request: web.Request) -> web.Response:
        """Return a badge with `status`, `uptime` or `response`, of the page or a component."""
        snapshot, what = await self._snapshot(request), request.match_info["what"]
        component_id, component = request.match_info.get("component"), None
        if component_id is not None:
            component = snapshot.component(component_id)
        if what not in WHAT or (component_id is not None and component is None):
            raise MissingError("there is no such badge")
        text = badge(snapshot, component, what)
        return body_response(text.encode("utf-8", "replace"), "image/svg+xml", headers=_EMBEDDED)


def _text(media_type: str) -> Operation:
    return Operation(_TAG, str, media_type=media_type, errors=(404,))


def response_lines(times: Sequence[float | None], most: float) -> list[str]:
    """Return the points of a line on 240 by 40, one text for each stretch without a gap."""
    found: list[list[str]] = [[]]
    step = 240 / max(1, len(times) - 1)
    for index, value in enumerate(times):
        if value is None:
            found.append([])
        else:
            found[-1].append(f"{index * step:.1f},{38 - 36 * value / (most or 1):.1f}")
    # A point alone is drawn as a short line.
    return [
        " ".join(points if len(points) > 1 else [points[0], points[0]])
        for points in found
        if points
    ]
