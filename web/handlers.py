"""Every class whose methods answer requests, and with it every route."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Protocol

from web.accounts.account_page import AccountPages
from web.accounts.api import AccountsApi
from web.accounts.login_page import LoginPages
from web.accounts.registration_api import RegistrationApi
from web.accounts.second_factor_api import SecondFactorApi
from web.accounts.second_factor_page import SecondFactorPages
from web.accounts.users_api import UsersApi
from web.accounts.users_page import UsersPages
from web.alerts.api import AlertsApi
from web.alerts.page import AlertsPages
from web.audit.api import AuditApi
from web.audit.page import AuditPages
from web.explore.page import ExplorePages
from web.hosts.add_host_page import AddHostPages
from web.hosts.api import HostsApi
from web.hosts.host_page import HostPages
from web.hosts.keys_api import HostKeysApi
from web.hosts.keys_page import HostKeyPages
from web.hosts.page import HostsPages
from web.hosts.register import HostRegister
from web.http.assets import Assets
from web.http.routing import Route
from web.ingest.gateway import GatewayApi
from web.ingest.messages import MessagesApi
from web.ingest.remote_write import RemoteWriteApi
from web.ingest.reports import ReportsApi
from web.internals import Internals
from web.prometheus.document_types import PrometheusError
from web.prometheus.expressions import Expressions
from web.prometheus.federation import Federation
from web.prometheus.probes import Probes
from web.prometheus.queries import Queries
from web.prometheus.rules import RulesApi
from web.prometheus.series import SeriesCatalogue
from web.prometheus.status import StatusApi
from web.prometheus.targets import TargetsApi
from web.server.configuration import ConfigurationApi
from web.server.health import HealthApi
from web.server.reference import ReferencePages
from web.services import Services
from web.settings import WebSettings
from web.store.page import StorePages
from web.targets.discovery_page import DiscoveryPages
from web.targets.page import TargetsPages


class Handlers(Protocol):
    """A class whose methods answer requests."""

    def routes(self) -> Iterable[Route]:
        """Return which of them answers what."""


def all_routes(internals: Internals, assets: Assets) -> Iterator[Route]:
    """Yield every route of the application, in the order in which they are looked through."""
    services, settings = internals.services, internals.settings
    register = HostRegister(services, internals.fleet)
    for handlers in chain(
        (assets,),
        _pages(internals, register),
        _json_api(internals, register),
        _pushes(services),
        _prometheus_api(services, settings),
    ):
        yield from handlers.routes()


def _pages(internals: Internals, register: HostRegister) -> tuple[Handlers, ...]:
    services, settings, shell = internals.services, internals.settings, internals.shell
    fleet, renderer = internals.fleet, internals.renderer
    authenticator, actions = internals.authenticator, internals.actions
    second_factors = internals.second_factors
    key_pages = HostKeyPages(fleet, register, shell, settings)
    return (
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
        internals.socket,
        ReferencePages(renderer, authenticator, settings, services.version, PrometheusError),
        SecondFactorPages(shell, second_factors, actions),
        UsersPages(services, shell, second_factors, actions),
        AuditPages(services, shell),
    )


def _json_api(internals: Internals, register: HostRegister) -> tuple[Handlers, ...]:
    services, settings, fleet = internals.services, internals.settings, internals.fleet
    authenticator, actions = internals.authenticator, internals.actions
    hosts = HostsApi(services, fleet, register)
    return (
        hosts,
        HostKeysApi(hosts, register.keyring),
        AlertsApi(services, fleet),
        AccountsApi(services, authenticator, actions),
        UsersApi(services, settings, actions),
        SecondFactorApi(internals.second_factors, actions),
        RegistrationApi(settings, authenticator, actions),
        AuditApi(services),
        HealthApi(services),
        ConfigurationApi(services),
    )


def _pushes(services: Services) -> Iterator[Handlers]:
    pushes = services.pushes
    yield MessagesApi(pushes.inbox)
    yield ReportsApi(pushes.hosts, pushes.keys, services.clock)
    if services.remote_write is not None:
        yield RemoteWriteApi(services.remote_write)
    if services.push_gateway is not None:
        yield GatewayApi(services.push_gateway)


def _prometheus_api(services: Services, settings: WebSettings) -> tuple[Handlers, ...]:
    return (
        Queries(services, settings),
        Expressions(),
        SeriesCatalogue(services),
        TargetsApi(services),
        RulesApi(services),
        StatusApi(services),
        Probes(services),
        Federation(services),
    )
