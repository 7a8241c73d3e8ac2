"""Puts the application together from what the daemon hands in."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from aiohttp import web

from web.accounts.actions import AccountActions
from web.accounts.authentication import Authenticator
from web.accounts.first_admin import ensure_first_admin
from web.accounts.passwords import Passwords
from web.api.accounts import AccountsApi
from web.api.alerts import AlertsApi
from web.api.hosts import HostRegister, HostsApi
from web.api.status import HealthApi
from web.assets import Assets
from web.fleet import Fleet
from web.middleware.failures import failures
from web.middleware.guard import guard
from web.middleware.headers import add_headers
from web.middleware.journey import journey
from web.pages.login import LoginPages
from web.prometheus.queries import Queries
from web.prometheus.series import SeriesCatalogue
from web.prometheus.status import ServerStatus
from web.rendering import Renderer
from web.routing import Route, install
from web.services import Services
from web.settings import WebSettings

__all__ = ["create_app", "ensure_first_admin"]


def create_app(services: Services, settings: WebSettings) -> web.Application:
    """Return the application, ready for `web.AppRunner`; reads templates and files (blocks).

    Run it with `handler_cancellation=True`, so that a query ends with its client, and
    `access_log=None`: requests are logged by the application.
    """
    assets = Assets.read()
    renderer = Renderer.build(assets, services.version)
    passwords = Passwords()
    authenticator = Authenticator(services.accounts, passwords, services.clock, settings)
    app = web.Application(
        middlewares=[
            journey(settings),
            failures(renderer.error_page),
            guard(authenticator, settings),
        ],
        client_max_size=settings.body_limit_bytes,
    )
    app.on_response_prepare.append(add_headers)

    async def threads(_: web.Application) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(passwords.close)

    app.cleanup_ctx.append(threads)
    install(app, _routes(services, settings, assets, renderer, passwords, authenticator))
    return app


def _routes(
    services: Services,
    settings: WebSettings,
    assets: Assets,
    renderer: Renderer,
    passwords: Passwords,
    authenticator: Authenticator,
) -> Iterator[Route]:
    fleet = Fleet(services)
    register = HostRegister(services, fleet)
    actions = AccountActions(services, passwords, authenticator)
    parts = (
        assets,
        LoginPages(renderer, authenticator),
        HostsApi(services, fleet, register),
        AlertsApi(services, fleet),
        AccountsApi(services, settings, authenticator, actions),
        HealthApi(services),
        Queries(services, settings),
        SeriesCatalogue(services),
        ServerStatus(services),
    )
    for part in parts:
        yield from part.routes()
