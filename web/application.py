"""Puts the application together from what the daemon hands in."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Middleware
from jinja2 import Environment

from web.http.assets import Assets
from web.http.audit_trail import AuditLog
from web.http.rendering import Renderer
from web.http.routing import install
from web.identity.first_admin import ensure_first_admin
from web.internals import Internals
from web.middleware.audit import audit
from web.middleware.failures import failures
from web.middleware.guard import guard
from web.middleware.headers import add_headers
from web.middleware.journey import journey
from web.middleware.origins import lay_origin_headers, preflights
from web.middleware.rates import RateLimits
from web.pages import PAGES, PageFactory
from web.prometheus.envelope import failure_envelope
from web.routes import all_routes
from web.services import Services
from web.settings import WebSettings

__all__ = ["Resources", "create_app", "ensure_first_admin"]


@dataclass(frozen=True, slots=True)
class Resources:
    """Files read and templates compiled; any number of applications may share them."""

    assets: Assets
    templates: Environment

    @classmethod
    def read(cls) -> "Resources":
        """Read them; blocks."""
        assets = Assets.read()
        return cls(assets, Renderer.compile(assets))


def create_app(
    services: Services,
    settings: WebSettings,
    resources: Resources | None = None,
    pages: Sequence[PageFactory] = PAGES,
) -> web.Application:
    """Return the application, ready for `web.AppRunner`.

    Run it with `handler_cancellation=True`, so that a query ends with its client,
    `access_log=None`, because the application logs requests itself, and
    `bodies.SERVER_OPTIONS`.

    Args:
        services: everything that the application depends on.
        settings: section `web` of the configuration.
        resources: files and templates; None reads them, which blocks.
        pages: the registry of pages.
    """
    resources = resources or Resources.read()
    internals = Internals.of(services, settings, Renderer(resources.templates, services.version))
    app = web.Application(
        middlewares=_middlewares(internals), client_max_size=settings.body_limit_bytes
    )
    _lay_headers(app, settings)
    _end_with(app, internals)
    install(app, all_routes(internals, resources.assets, pages))
    return app


def _middlewares(internals: Internals) -> tuple[Middleware, ...]:
    """Return what every request passes, the outermost first."""
    services, settings = internals.services, internals.settings
    rates = RateLimits(settings, services.clock, services.refusals)
    return (
        journey(settings),
        failures(internals.renderer.error_page, failure_envelope),
        rates.by_address,
        preflights(settings.cors),
        audit(AuditLog(services.audit, services.clock, settings)),
        guard(internals.authenticator, settings),
        rates.by_key,
    )


def _lay_headers(app: web.Application, settings: WebSettings) -> None:
    """Have every answer carry the headers that all have."""

    async def lay_origins(request: web.Request, answer: web.StreamResponse) -> None:
        lay_origin_headers(settings.cors, request, answer)

    app.on_response_prepare.extend((add_headers, lay_origins))


def _end_with(app: web.Application, internals: Internals) -> None:
    """Have connections and threads end when the application does."""

    async def end_connections(_: web.Application) -> None:
        internals.socket.close()

    async def threads(_: web.Application) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(internals.passwords.close)

    # On shutdown, before the server waits for open requests: a connection never ends by itself.
    app.on_shutdown.append(end_connections)
    app.cleanup_ctx.append(threads)
