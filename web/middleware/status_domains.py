"""Serves a status page on a domain of its own: nothing else of this server is found there."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from web.http.errors import MissingError
from web.http.routing import Answer, Handler

_ALSO: Final = ("/static/", "/health", "/.well-known/")


def status_domains(domains: Mapping[str, str]) -> Middleware:
    """Return the middleware; `domains` has the slug of the page of each host name."""

    @web.middleware
    def middleware(request: web.Request, handler: Handler) -> Answer:
        if domains:
            slug = domains.get(request.host.partition(":")[0].lower().rstrip("."))
            if slug is not None:
                page, path = f"/status/{slug}", request.path
                if path == "/":
                    raise web.HTTPFound(page)
                if path != page and not path.startswith((f"{page}.", f"{page}/", *_ALSO)):
                    raise MissingError("there is only a status page at this address")
        return handler(request)

    return middleware
