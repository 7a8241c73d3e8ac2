"""Every route of the application."""

from collections.abc import Iterable, Iterator
from itertools import chain

from web.accounts.api import AccountsApi
from web.accounts.registration_api import RegistrationApi
from web.accounts.second_factor_api import SecondFactorApi
from web.accounts.signing_keys_api import SigningKeysApi
from web.accounts.users_api import UsersApi
from web.alertmanager.alerts_api import AlertmanagerAlertsApi
from web.alertmanager.silences_api import SilencesApi
from web.alerts.api import AlertsApi
from web.alerts.explanation_api import ExplanationApi
from web.alerts.explanations import explainer
from web.alerts.maintenance_api import MaintenanceApi, MaintenanceWindows
from web.annotations.api import AnnotationsApi
from web.audit.api import AuditApi
from web.dashboards.api import DashboardsApi
from web.dashboards.library import DashboardLibrary
from web.events.activity_api import ActivityReportsApi
from web.events.batch_api import BatchApi
from web.events.collection import EventCollection
from web.events.funnels_api import FunnelsApi
from web.events.persons_api import PersonsApi
from web.events.projects_api import ProjectsApi
from web.events.reports_api import EventReportsApi
from web.events.saved_reports_api import SavedReportsApi
from web.events.schema_api import SchemaApi
from web.events.sdk.posthog_api import PostHogApi
from web.events.sdk.script_api import ScriptApi
from web.events.sdk.segment_api import SegmentApi
from web.events.segments_api import SegmentsApi
from web.events.transfer_api import TransferApi
from web.events.visits.sessions_api import SessionsApi
from web.hosts.api import HostsApi
from web.hosts.charts_api import ChartsApi
from web.hosts.keys_api import HostKeysApi
from web.http.assets import Assets
from web.http.routing import Handlers, Route
from web.ingest.gateway import GatewayApi
from web.ingest.messages import MessagesApi
from web.ingest.otlp import OtlpApi
from web.ingest.remote_write import RemoteWriteApi
from web.ingest.reports import ReportsApi
from web.internals import Internals
from web.pages import PAGES, PageFactory
from web.projects.access import ProjectAccess
from web.projects.settings_api import ProjectSettingsApi
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
from web.requests.metrics_api import RequestMetricsApi
from web.requests.projects_api import TenantProjectsApi
from web.requests.track_api import TrackApi
from web.server.configuration import ConfigurationApi
from web.server.health import HealthApi
from web.services import Services
from web.sessions.github_api import SessionGithubApi
from web.sessions.ingest_api import SessionIngestApi
from web.sessions.prices_api import SessionPricesApi
from web.sessions.sessions_api import AgentSessionsApi
from web.sessions.socket import SessionsSocket
from web.settings import WebSettings


def all_routes(
    internals: Internals, assets: Assets, pages: Iterable[PageFactory] = PAGES
) -> Iterator[Route]:
    """Yield every route; the first that matches a request serves it."""
    services, settings = internals.services, internals.settings
    for handlers in chain(
        (assets,),
        (page(internals) for page in pages),
        (internals.socket, internals.notifications),
        _json_api(internals),
        _pushes(services),
        _analytics(services, settings, assets),
        _sessions(internals),
        _prometheus_api(services, settings),
    ):
        yield from handlers.routes()


def _json_api(internals: Internals) -> tuple[Handlers, ...]:
    services, settings, fleet = internals.services, internals.settings, internals.fleet
    logins, issuer, actions = internals.logins, internals.issuer, internals.actions
    members = ProjectAccess(services.analytics.projects, answers_missing=True)
    return (
        HostsApi(fleet, internals.register, services.alerting, services.host_checks),
        ChartsApi(
            fleet, services.engine, services.annotations, services.clock, services.host_checks
        ),
        AnnotationsApi(services.annotations, fleet, members, services.clock),
        DashboardsApi(DashboardLibrary(services.dashboards, services.clock)),
        HostKeysApi(fleet, internals.register.keyring),
        AlertsApi(services.alerts, services.alerting, fleet, services.clock),
        MaintenanceApi(MaintenanceWindows(services.alerting, services.clock)),
        ExplanationApi(services.alerts, services.alerting, explainer(services)),
        AlertmanagerAlertsApi(services.alerting.router, services.clock, services.version),
        SilencesApi(services.alerting.router, services.clock),
        AccountsApi(services.accounts, logins, issuer, actions),
        UsersApi(services.accounts, actions),
        SigningKeysApi(services.keys, services.clock, settings),
        SecondFactorApi(internals.second_factors, actions),
        RegistrationApi(settings, logins, issuer, actions),
        AuditApi(services.audit),
        HealthApi(services),
        ConfigurationApi(services.configuration),
    )


def _analytics(services: Services, settings: WebSettings, assets: Assets) -> tuple[Handlers, ...]:
    analytics = services.analytics
    access = ProjectAccess(analytics.projects, is_open=analytics.settings.open_api)
    collection = EventCollection(analytics, access, settings, services.clock, services.refusals)
    tenants = ProjectAccess(analytics.projects, answers_missing=True)
    readers = ProjectAccess(
        analytics.projects, is_open=analytics.settings.open_api, answers_missing=True
    )
    return (
        ProjectsApi(analytics, access, services.clock),
        ProjectSettingsApi(analytics, tenants),
        BatchApi(collection),
        ScriptApi(assets),
        PostHogApi(collection, services.clock),
        SegmentApi(collection),
        EventReportsApi(analytics, access),
        SessionsApi(analytics, access),
        FunnelsApi(analytics, access),
        SegmentsApi(analytics, readers),
        SavedReportsApi(analytics, readers),
        ActivityReportsApi(analytics, access),
        PersonsApi(analytics, tenants),
        SchemaApi(analytics, tenants),
        TransferApi(analytics, tenants),
        TenantProjectsApi(analytics, tenants),
        RequestMetricsApi(analytics, tenants, services.clock),
        TrackApi(analytics, services.clock),
    )


def _sessions(internals: Internals) -> tuple[Handlers, ...]:
    services, settings = internals.services, internals.settings
    sessions, clock = services.agent_sessions, services.clock
    return (
        AgentSessionsApi(sessions, settings, clock),
        SessionIngestApi(sessions, clock),
        SessionGithubApi(sessions),
        SessionPricesApi(sessions, settings, clock),
        SessionsSocket(sessions, internals.socket, settings, clock),
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
