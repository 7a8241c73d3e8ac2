"""The OpenAPI document and Swagger UI: `/openapi.json`, `/docs` and their other paths.

They need no login: the document is the same on every server of this version and contains
nothing about hosts or users.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from aiohttp import web

from web.http.openapi import openapi_document
from web.http.operations import JSON, Described, Operation
from web.http.rendering import Renderer
from web.http.responses import body_response, json_bytes
from web.http.routing import FURTHER_ROUTES, ROUTES, Access, Route, Surface
from web.http.security_policy import CONTENT_SECURITY_POLICY
from web.identity.credentials import session_cookie
from web.settings import WebSettings

_POLICY: Final = CONTENT_SECURITY_POLICY.replace("img-src 'self'", "img-src 'self' data:")
"""Allows data URLs for the icons in Swagger UI's style sheet; scripts stay restricted."""


class ReferencePages:
    """Serves the OpenAPI document and the page that renders it."""

    def __init__(
        self,
        renderer: Renderer,
        settings: WebSettings,
        version: str,
        prometheus_error: Described,
    ) -> None:
        self._renderer, self._version = renderer, version
        self._cookie_name = session_cookie(settings)
        self._prometheus_error = prometheus_error
        self._anonymous_viewer = settings.anonymous_viewer
        self._lock = asyncio.Lock()
        self._document: bytes | None = None

    def routes(self) -> tuple[Route, ...]:
        """Return the routes; the replaced systems served the same at other paths."""
        operation = Operation("health", dict[str, Any])
        return (
            *(
                Route("GET", path, self.document, Access.PUBLIC, Surface.JSON, operation=operation)
                for path in ("/openapi.json", "/apispec.json")
            ),
            *(
                Route("GET", path, self.show, Access.PUBLIC, Surface.PAGE)
                for path in ("/docs", "/swagger", "/redoc")
            ),
        )

    async def document(self, request: web.Request) -> web.Response:
        """Return this document."""
        async with self._lock:
            if self._document is None:
                # Generated on first use: 80 ms that few servers need.
                await request.app[FURTHER_ROUTES]()
                table = {id(route): route for route in request.app[ROUTES].values()}
                self._document = await asyncio.to_thread(self._generate, table.values())
        return body_response(self._document, JSON)

    def _generate(self, routes: Iterable[Route]) -> bytes:
        return json_bytes(
            openapi_document(
                routes,
                self._version,
                self._cookie_name,
                anonymous_viewer=self._anonymous_viewer,
                prometheus_error=self._prometheus_error,
            )
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the document with Swagger UI."""
        response = self._renderer.page(request, "server/reference_page.html")
        response.headers["Content-Security-Policy"] = _POLICY
        return response
