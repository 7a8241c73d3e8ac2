"""The routes that people ask: pages, the JSON API, analytics and sessions; loaded on demand."""

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
from web.alerts.backtests import BacktestApi, RuleBacktests
from web.alerts.explanation_api import ExplanationApi
from web.alerts.explanations import explainer
from web.alerts.listing.bulk_acknowledgement import BulkAcknowledgement
from web.alerts.maintenance_api import MaintenanceApi, MaintenanceWindows
from web.alerts.rule_editor.groups_api import RuleGroupsApi
from web.alerts.rule_editor.unit_tests import EditedRuleTests, RuleTestsApi
from web.annotations.api import AnnotationsApi
from web.audit.api import AuditApi
from web.dashboards.api import DashboardsApi
from web.dashboards.library import DashboardLibrary
from web.dashboards.shares import DashboardShares
from web.dashboards.shares_api import SharesOfDashboards
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
from web.explore.queries_api import UserQueriesApi
from web.explore.words_api import WordsApi
from web.hosts.api import HostsApi
from web.hosts.changes.changes_api import ChangesApi
from web.hosts.charts.charts_api import ChartsApi
from web.hosts.charts.host_marks import HostMarks
from web.hosts.keys_api import HostKeysApi
from web.hosts.listing.trends_api import TrendsApi
from web.http.assets import Assets
from web.http.routing import Handlers, Route
from web.internals import Internals
from web.pages import PAGES, PageFactory
from web.palette.api import PaletteApi
from web.palette.sources import PaletteSources
from web.probes.actions import ProbeActions
from web.probes.api import ProbesApi
from web.projects.access import ProjectAccess
from web.projects.settings_api import ProjectSettingsApi
from web.prometheus.panel_answers import EngineAnswers
from web.requests.metrics_api import RequestMetricsApi
from web.requests.projects_api import TenantProjectsApi
from web.requests.track_api import TrackApi
from web.server.configuration import ConfigurationApi
from web.services import Services
from web.sessions.erasure_api import SessionErasureApi
from web.sessions.github_api import SessionGithubApi
from web.sessions.ingest_api import SessionIngestApi
from web.sessions.prices_api import SessionPricesApi
from web.sessions.sessions_api import AgentSessionsApi
from web.sessions.socket import SessionsSocket
from web.settings import WebSettings
from web.status_pages.api import StatusPagesApi
from web.status_pages.public import PublicStatusPages
from web.status_pages.references import References


def further_routes(
    internals: Internals, assets: Assets, pages: Iterable[PageFactory] | None = None
) -> Iterator[Route]:
    """Yield these routes; the first that matches a request serves it.

    Args:
        internals: shared objects of the application.
        assets: the static files.
        pages: the registry of pages, None for all of ours.
    """
    for handlers in chain(
        (assets,),
        (page(internals) for page in (PAGES if pages is None else pages)),
        _json_api(internals),
        _analytics(internals.services, internals.settings, assets),
        _sessions(internals),
    ):
        yield from handlers.routes()


def _json_api(internals: Internals) -> tuple[Handlers, ...]:
    services, settings, fleet = internals.services, internals.settings, internals.fleet
    logins, issuer, actions = internals.logins, internals.issuer, internals.actions
    members = ProjectAccess(services.analytics.projects, answers_missing=True)
    board = internals.status_pages.board()
    return (
        HostsApi(
            fleet,
            internals.register,
            services.alerting,
            services.host_checks,
            internals.installer,
        ),
        internals.installer,
        ChartsApi(
            fleet,
            services.engine,
            HostMarks(services.engine, services.annotations, services.alerts, services.clock),
            services.clock,
            services.host_checks,
        ),
        ChangesApi(fleet, services.engine),
        TrendsApi(services.engine, services.clock, services.host_checks),
        AnnotationsApi(services.annotations, fleet, members, services.clock),
        DashboardsApi(DashboardLibrary(services.dashboards, services.clock)),
        ProbesApi(ProbeActions(services, settings)),
        PublicStatusPages(board, internals.renderer, settings),
        StatusPagesApi(board, References(services, fleet, board.window)),
        SharesOfDashboards(
            DashboardLibrary(services.dashboards, services.clock),
            DashboardShares(services.dashboard_shares, services.clock),
            EngineAnswers(services.engine),
            internals.renderer,
            settings,
        ),
        UserQueriesApi(services.queries, services.clock),
        WordsApi(),
        _palette(internals, members),
        HostKeysApi(fleet, internals.register.keyring),
        AlertsApi(services.alerts, services.alerting, fleet, services.clock),
        BulkAcknowledgement(services.alerting, fleet, services.clock),
        BacktestApi(RuleBacktests(services.samples, services.clock)),
        RuleTestsApi(EditedRuleTests()),
        RuleGroupsApi(services.managed_rules),
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
        ConfigurationApi(services.configuration),
    )


def _palette(internals: Internals, members: ProjectAccess) -> PaletteApi:
    services = internals.services
    dashboards = DashboardLibrary(services.dashboards, services.clock)
    return PaletteApi(
        PaletteSources(services, internals.fleet, internals.shell, dashboards.all, members),
        internals.views,
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
        TrackApi(analytics, services.clock, services.refusals),
    )


def _sessions(internals: Internals) -> tuple[Handlers, ...]:
    services, settings = internals.services, internals.settings
    sessions, clock = services.agent_sessions, services.clock
    return (
        AgentSessionsApi(sessions, settings, clock),
        SessionIngestApi(sessions, clock),
        SessionGithubApi(sessions),
        SessionPricesApi(sessions, settings, clock),
        SessionErasureApi(sessions, services.samples, services.sample_administration),
        SessionsSocket(sessions, internals.socket, settings, clock),
    )
