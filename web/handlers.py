"""Every class whose methods answer requests, and with it every route."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Protocol

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
from web.internals import Internals
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
from web.routing import Route
from web.services import Services
from web.settings import WebSettings


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
        ReferencePages(renderer, authenticator, settings, services.version),
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
