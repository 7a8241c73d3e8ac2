"""Puts the application together from what the daemon hands in."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web
from jinja2 import Environment

from web.accounts.actions import AccountActions
from web.accounts.authentication import Authenticator
from web.accounts.first_admin import ensure_first_admin
from web.accounts.passwords import Passwords
from web.accounts.second_factor import SecondFactors
from web.api.accounts import AccountsApi
from web.api.alerts import AlertsApi
from web.api.audit import AuditApi
from web.api.configuration import ConfigurationApi
from web.api.host_keys import HostKeysApi
from web.api.hosts import HostRegister, HostsApi
from web.api.registration import RegistrationApi
from web.api.second_factor import SecondFactorApi
from web.api.status import HealthApi
from web.api.users import UsersApi
from web.assets import Assets
from web.audit import AuditLog
from web.fleet import Fleet
from web.live import LiveStreams
from web.middleware.audit import audit
from web.middleware.failures import failures
from web.middleware.guard import guard
from web.middleware.headers import add_headers
from web.middleware.journey import journey
from web.middleware.origins import lay_origin_headers, preflights
from web.middleware.rates import RateLimits
from web.pages.account import AccountPages
from web.pages.add_host import AddHostPages
from web.pages.alerts import AlertsPages
from web.pages.audit import AuditPages
from web.pages.discovery import DiscoveryPages
from web.pages.explore import ExplorePages
from web.pages.host import HostPages
from web.pages.host_keys import HostKeyPages
from web.pages.hosts import HostsPages
from web.pages.login import LoginPages
from web.pages.reference import ReferencePages
from web.pages.second_factor import SecondFactorPages
from web.pages.shell import Shell
from web.pages.store import StorePages
from web.pages.targets import TargetsPages
from web.pages.users import UsersPages
from web.prometheus.expressions import Expressions
from web.prometheus.federation import Federation
from web.prometheus.probes import Probes
from web.prometheus.queries import Queries
from web.prometheus.rules import RulesApi
from web.prometheus.series import SeriesCatalogue
from web.prometheus.status import StatusApi
from web.prometheus.targets import TargetsApi
from web.push.gateway import GatewayApi
from web.push.messages import MessagesApi
from web.push.remote_write import RemoteWriteApi
from web.push.reports import ReportsApi
from web.rendering import Renderer
from web.routing import install
from web.services import Services
from web.settings import WebSettings
from web.stream.socket import MetricsSocket
from web.stream.sources import Sources

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
    services: Services, settings: WebSettings, resources: Resources | None = None
) -> web.Application:
    """Return the application, ready for `web.AppRunner`; without `resources` it blocks.

    Run it with `handler_cancellation=True`, so that a query ends with its client,
    `access_log=None`: requests are logged by the application, and `bodies.SERVER_OPTIONS`.
    """
    resources = resources or Resources.read()
    renderer = Renderer(resources.templates, services.version)
    passwords = Passwords()
    second_factors = SecondFactors(services.second_factors, services.keys, services.clock)
    authenticator = Authenticator(
        services.accounts, passwords, second_factors, services.keys, services.clock, settings
    )
    rates = RateLimits(settings, services.clock)
    app = web.Application(
        middlewares=[
            journey(settings),
            failures(renderer.error_page),
            rates.by_address,
            preflights(settings.cors),
            audit(AuditLog(services.audit, services.clock, settings)),
            guard(authenticator, settings),
            rates.by_key,
        ],
        client_max_size=settings.body_limit_bytes,
    )

    async def lay_headers(request: web.Request, answer: web.StreamResponse) -> None:
        lay_origin_headers(settings.cors, request, answer)

    app.on_response_prepare.extend((add_headers, lay_headers))

    streams = LiveStreams(settings)
    fleet = Fleet(services)
    shell = Shell(renderer, fleet, streams, authenticator)
    socket = MetricsSocket(
        services, settings, authenticator, fleet, Sources(services, fleet, shell)
    )

    async def end_streams(_: web.Application) -> None:
        streams.close()
        socket.close()

    async def threads(_: web.Application) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(passwords.close)

    # Before the server waits for open requests: a stream never ends by itself.
    app.on_shutdown.append(end_streams)
    app.cleanup_ctx.append(threads)
    actions = AccountActions(services, passwords, second_factors, authenticator)
    register = HostRegister(services, fleet)
    key_pages = HostKeyPages(fleet, register, shell, settings)
    hosts_api = HostsApi(services, fleet, register)
    parts = (
        resources.assets,
        LoginPages(renderer, authenticator),
        HostsPages(services, fleet, shell),
        HostPages(services, fleet, register, shell),
        key_pages,
        AddHostPages(services, register, shell, key_pages),
        AlertsPages(services, fleet, shell),
        ExplorePages(shell),
        TargetsPages(services, shell),
        DiscoveryPages(services, shell),
        StorePages(services, shell),
        AccountPages(shell, authenticator, second_factors, actions),
        socket,
        ReferencePages(renderer, authenticator, settings, services.version),
        SecondFactorPages(shell, second_factors, actions),
        UsersPages(services, shell, second_factors, actions),
        AuditPages(services, shell),
        hosts_api,
        HostKeysApi(hosts_api, register.keyring),
        AlertsApi(services, fleet),
        AccountsApi(services, authenticator, actions),
        UsersApi(services, settings, actions),
        SecondFactorApi(second_factors, actions),
        RegistrationApi(settings, authenticator, actions),
        AuditApi(services),
        HealthApi(services),
        MessagesApi(services.pushes.inbox),
        ReportsApi(services.pushes.hosts, services.pushes.keys, services.clock),
        ConfigurationApi(services),
        Queries(services, settings),
        Expressions(),
        SeriesCatalogue(services),
        TargetsApi(services),
        RulesApi(services),
        StatusApi(services),
        Probes(services),
        Federation(services),
    )
    routes = [route for part in parts for route in part.routes()]
    if services.remote_write is not None:
        routes.extend(RemoteWriteApi(services.remote_write).routes())
    if services.push_gateway is not None:
        routes.extend(GatewayApi(services.push_gateway).routes())
    install(app, routes)
    return app
