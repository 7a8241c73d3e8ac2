"""Builds the aiohttp application from the services that the daemon passes in."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.typedefs import Middleware

from web.first_routes import first_routes
from web.further_routes.groups import route_groups
from web.http.audit_trail import AuditLog
from web.http.bodies import BODY_POLICY, BodyPolicy
from web.http.quotas import Quotas
from web.http.rendering import Renderer, Resources
from web.http.routing import add_routes
from web.identity.first_admin import ensure_first_admin
from web.identity.push_admission import PUSH_ADMISSION, PushAdmission
from web.internals import Internals
from web.middleware.audit import audit
from web.middleware.cors import add_cors_headers, preflights
from web.middleware.failures import failures
from web.middleware.guard import guard
from web.middleware.headers import add_headers
from web.middleware.options import options
from web.middleware.rate_limits import RateLimits
from web.middleware.request_log import request_log
from web.middleware.status_domains import status_domains
from web.middleware.trailing_slash import trailing_slash
from web.middleware.unmatched import unmatched
from web.middleware.viewing import viewing
from web.middleware.web_config import request_limit, web_config_headers
from web.on_demand import add_routes_on_demand
from web.prometheus.envelope import failure_envelope
from web.services import Services
from web.settings import WebSettings
from web.status_pages.on_demand import STATUS_PAGES

if TYPE_CHECKING:
    from web.pages import PageFactory

__all__ = ["Resources", "create_app", "ensure_first_admin"]


def create_app(
    services: Services,
    settings: WebSettings,
    resources: Resources | None = None,
    pages: "Sequence[PageFactory] | None" = None,
) -> web.Application:
    """Return the application, ready for a runner.

    `web.connections.runner` runs it.

    Args:
        services: everything that the application depends on.
        settings: section `web` of the configuration.
        resources: files and templates that it shares; None for its own.
        pages: the registry of pages, None for all of ours.
    """
    resources = resources or Resources()
    internals = Internals.of(
        services, settings, Renderer(resources, services.version, services.server_zone)
    )
    push = Quotas(settings.rate_limits.push, services.clock, services.refusals)
    app = web.Application(
        middlewares=_middlewares(internals, push), client_max_size=settings.body_limit_bytes
    )
    bodies = BodyPolicy(settings.connections.body_timeout_s, services.refusals, services.memory)
    app[BODY_POLICY] = bodies
    app[PUSH_ADMISSION] = PushAdmission(internals.authenticator, push, bodies, settings)
    _add_response_headers(app, services, settings)
    _close_on_shutdown(app, internals)
    app[STATUS_PAGES] = internals.status_pages
    add_routes(app, first_routes(internals))
    add_routes_on_demand(app, route_groups(internals, resources, pages))
    return app


def _middlewares(internals: Internals, push: Quotas) -> tuple[Middleware, ...]:
    """Return the middlewares, the outermost first."""
    services, settings = internals.services, internals.settings
    requests = Quotas(settings.rate_limits.requests, services.clock, services.refusals)
    rates = RateLimits(settings, requests, push)
    return (
        request_log(settings),
        failures(internals.shell.error_page, failure_envelope),
        *([] if services.web_config is None else [request_limit(services.web_config)]),
        rates.by_address,
        status_domains(services.status_domains),
        unmatched(preflights(settings.cors), options, trailing_slash),
        audit(AuditLog(services.audit, services.clock, settings)),
        guard(internals.authenticator, settings),
        rates.by_key,
        viewing(internals.views),
    )


def _add_response_headers(app: web.Application, services: Services, settings: WebSettings) -> None:
    async def add_cors(request: web.Request, response: web.StreamResponse) -> None:
        add_cors_headers(settings.cors, request, response)

    app.on_response_prepare.extend((add_headers, add_cors))
    if services.web_config is not None:
        app.on_response_prepare.append(web_config_headers(services.web_config, settings))


def _close_on_shutdown(app: web.Application, internals: Internals) -> None:
    """Close live connections and threads when the application stops."""

    async def close_connections(_: web.Application) -> None:
        internals.socket.close()
        internals.notifications.close()

    async def threads(_: web.Application) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(internals.passwords.close)
        if internals.oidc is not None:
            await internals.oidc.close()

    # on_shutdown runs before the server waits for open requests, and a live connection
    # does not end by itself.
    app.on_shutdown.append(close_connections)
    app.cleanup_ctx.append(threads)
