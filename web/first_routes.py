"""The routes that programs ask all day: pushes, Prometheus's API, health and live values."""

from collections.abc import Iterator

from web.http.routing import Handlers, Route, routes_of
from web.ingest.gateway import GatewayApi
from web.ingest.messages import MessagesApi
from web.ingest.otlp import OtlpApi
from web.ingest.remote_write import RemoteWriteApi
from web.ingest.reports import ReportsApi
from web.internals import Internals
from web.prometheus.expressions import ExpressionApi
from web.prometheus.federation import FederationApi
from web.prometheus.queries import QueryApi
from web.prometheus.remote_read.api import RemoteReadApi
from web.prometheus.rules import RulesApi
from web.prometheus.series import SeriesApi
from web.prometheus.server.administration import AdministrationApi
from web.prometheus.server.probes import Probes
from web.prometheus.server.status import StatusApi
from web.prometheus.targets import TargetsApi
from web.server.health import HealthApi
from web.services import Services
from web.settings import WebSettings


def first_routes(internals: Internals) -> Iterator[Route]:
    """Return these routes; the first that matches a request serves it."""
    services, settings = internals.services, internals.settings
    return routes_of(
        internals.socket,
        internals.notifications,
        HealthApi(services),
        *_pushes(services),
        *_prometheus_api(services, settings),
    )


def _pushes(services: Services) -> Iterator[Handlers]:
    pushes = services.pushes
    yield MessagesApi(pushes.inbox)
    yield ReportsApi(pushes.hosts, pushes.keys, services.clock)
    if services.remote_write is not None:
        yield RemoteWriteApi(services.remote_write)
    if services.otlp is not None:
        yield OtlpApi(services.otlp)
    if services.push_gateway is not None:
        yield GatewayApi(services.push_gateway)


def _prometheus_api(services: Services, settings: WebSettings) -> tuple[Handlers, ...]:
    return (
        QueryApi(services),
        ExpressionApi(services),
        SeriesApi(services),
        TargetsApi(services),
        RulesApi(services),
        StatusApi(services),
        Probes(services),
        FederationApi(services),
        RemoteReadApi(services, settings),
        AdministrationApi(services, settings),
    )
