"""The pages of the application: a new page is one line here and one folder."""

from collections.abc import Callable
from typing import Final

from aiohttp import web

from storage.api.accounts import Scope
from web.accounts.account_page import AccountPages
from web.accounts.forms import TokenForm
from web.accounts.login_page import LoginPages
from web.accounts.oidc_login_page import OidcLoginPages
from web.accounts.second_factor_page import SecondFactorPages
from web.accounts.users_page import UsersPages
from web.alerts.acknowledge_link_page import AcknowledgeLinkPages
from web.alerts.backtests import RuleBacktests
from web.alerts.explanations import explainer
from web.alerts.maintenance_api import MaintenanceWindows
from web.alerts.maintenance_page import MaintenancePages
from web.alerts.page import AlertsPages
from web.alerts.report_page import AlertReport
from web.alerts.routes_page import RoutesPages
from web.alerts.rule_editor.page import RuleEditorPages
from web.alerts.rule_editor.unit_tests import EditedRuleTests
from web.alerts.rules_page import RulesPages
from web.alerts.silences_page import SilencePages
from web.audit.page import AuditPages
from web.audit.subjects import SubjectNames
from web.dashboards.library import DashboardLibrary
from web.dashboards.page import DashboardPages
from web.design.page import DesignPages
from web.explore.page import ExplorePages
from web.fleet.first_steps import FirstSteps
from web.hosts.add_host_page import AddHostPages
from web.hosts.host_page import HostPages
from web.hosts.keys_page import HostKeyPages, NewKeyPage
from web.hosts.listing.page import HostsPages
from web.hosts.listing.selection_page import SelectionPages
from web.hosts.listing.views_page import HostViewPages
from web.http.routing import Handlers, user_of
from web.internals import Internals
from web.probes.actions import ProbeActions
from web.probes.page import ProbePages
from web.product_pages.asked_reports import AskedReport, AskedReportPages
from web.product_pages.events_page import EventsPages
from web.product_pages.funnel_page import FunnelReportPage
from web.product_pages.overview_page import OVERVIEW, OverviewPages
from web.product_pages.parts import ReportParts
from web.product_pages.paths_page import PathsReportPage
from web.product_pages.persons_page import PersonsPages
from web.product_pages.retention_page import RetentionReportPage
from web.product_pages.segments_page import SegmentsPages
from web.product_pages.shares_api import SharesApi
from web.product_pages.sharing_page import SharingPages
from web.product_pages.trends_page import TrendsReportPage
from web.product_pages.visits_page import VisitsReportPage
from web.project_pages.keys_page import ProjectKeyPages
from web.project_pages.list_page import ProjectListPages
from web.project_pages.members_page import ProjectMemberPages
from web.project_pages.settings_page import ProjectSettingsPages, SettingsView
from web.projects.access import ProjectAccess
from web.projects.chart_marks import ChartMarks
from web.prometheus.document_types import PrometheusError
from web.requests.traffic_page import TrafficPages
from web.server.reference import ReferencePages
from web.sessions.github_api import SessionGithubApi
from web.sessions.list_page import SessionListPages, SessionPages
from web.sessions.parts import SessionParts
from web.sessions.prices_api import SessionPricesApi
from web.sessions.prices_page import SessionPricesPages
from web.sessions.report_pages import SessionReportPages
from web.sessions.setup_page import IssueKey, SessionSetupPages
from web.settings_pages.about_page import AboutPages
from web.settings_pages.backups_page import BackupsPages
from web.settings_pages.first_steps_forms import FirstStepsForms
from web.settings_pages.profile_page import ProfilePages
from web.settings_pages.receivers_page import ReceiversPages
from web.status_pages.page import StatusPageEditor
from web.store.page import StorePages
from web.targets.discovery_page import DiscoveryPages
from web.targets.page import TargetsPages

PageFactory = Callable[[Internals], Handlers]


_REPORTS: Final[tuple[AskedReport, ...]] = (
    TrendsReportPage(),
    FunnelReportPage(),
    RetentionReportPage(),
    PathsReportPage(),
    VisitsReportPage(),
)
REPORTS_WITH_PAGES: Final = (OVERVIEW, *_REPORTS)
"""The reports that can be saved and shared."""


def _project_access(parts: Internals) -> ProjectAccess:
    return ProjectAccess(parts.services.analytics.projects, answers_missing=True)


def _subject_names(parts: Internals) -> SubjectNames:
    return SubjectNames(parts.services.analytics.projects.records, parts.services.dashboards)


def _report_parts(parts: Internals) -> ReportParts:
    services = parts.services
    return ReportParts(
        services.analytics,
        _project_access(parts),
        parts.shell,
        services.clock,
        ChartMarks(services.annotations),
    )


def _settings_view(parts: Internals) -> SettingsView:
    return SettingsView(parts.services.analytics, _project_access(parts), parts.shell)


def _session_parts(parts: Internals) -> SessionParts:
    services = parts.services
    return SessionParts(services.agent_sessions, parts.shell, parts.settings, services.clock)


def _key_issuer(parts: Internals) -> IssueKey:
    async def issue(request: web.Request) -> str:
        form = TokenForm(label="coding agents", scopes=frozenset({Scope.PUSH}))
        issued = await parts.actions.issue_token(request, user_of(request), form)
        return issued.secret

    return issue


PAGES: Final[tuple[PageFactory, ...]] = (
    lambda parts: LoginPages(parts.renderer, parts.logins, parts.issuer, parts.settings),
    lambda parts: OidcLoginPages(parts.renderer, parts.oidc, parts.issuer, parts.settings),
    lambda parts: HostsPages(
        parts.services,
        parts.fleet,
        parts.shell,
        parts.renderer,
        HostViewPages(parts.services.host_views),
        FirstSteps(parts.services, parts.receiver_tests),
    ),
    lambda parts: HostViewPages(parts.services.host_views),
    lambda parts: SelectionPages(parts.services, parts.fleet, parts.register, parts.shell),
    lambda parts: FirstStepsForms(parts.services.preferences),
    lambda parts: ProfilePages(
        parts.services.preferences, parts.services.server_zone, parts.shell, parts.settings
    ),
    lambda parts: BackupsPages(
        parts.services.backups,
        parts.actions.confirm_password,
        parts.shell,
        parts.services.clock,
    ),
    lambda parts: AboutPages(parts.services, parts.shell),
    lambda parts: ReceiversPages(
        parts.services.managed_receivers, parts.services.alerting, parts.receiver_tests, parts.shell
    ),
    lambda parts: HostPages(parts.services, parts.fleet, parts.register, parts.shell),
    lambda parts: HostKeyPages(
        parts.fleet,
        parts.register.keyring,
        NewKeyPage(parts.shell, parts.installer),
    ),
    lambda parts: AddHostPages(
        parts.register,
        parts.shell,
        NewKeyPage(parts.shell, parts.installer),
        parts.services.exporter_commands,
        parts.installer,
    ),
    lambda parts: AlertsPages(
        parts.services.alerts,
        parts.services.alerting,
        parts.fleet,
        parts.shell,
        explainer(parts.services),
        parts.receiver_tests,
        parts.services.clock,
    ),
    lambda parts: AcknowledgeLinkPages(
        parts.services.alerts, parts.services.alerting, parts.renderer
    ),
    lambda parts: SilencePages(parts.services.alerting, parts.shell, parts.services.clock),
    lambda parts: MaintenancePages(
        MaintenanceWindows(parts.services.alerting, parts.services.clock),
        parts.services.alerting,
        parts.shell,
    ),
    lambda parts: RulesPages(parts.services.alerting, parts.services.managed_rules, parts.shell),
    lambda parts: RuleEditorPages(
        parts.services.alerting,
        RuleBacktests(parts.services.samples, parts.services.clock),
        EditedRuleTests(),
        parts.services.managed_rules,
        parts.shell,
    ),
    lambda parts: AlertReport(
        parts.services.alerts, parts.fleet, parts.shell, parts.services.clock
    ),
    lambda parts: RoutesPages(
        parts.services.alerts,
        parts.services.alerting,
        parts.shell,
        explainer(parts.services),
        parts.services.clock,
    ),
    lambda parts: DashboardPages(
        DashboardLibrary(parts.services.dashboards, parts.services.clock), parts.shell
    ),
    lambda parts: ExplorePages(parts.shell),
    lambda parts: StatusPageEditor(
        parts.status_pages.board(), parts.services, parts.fleet, parts.shell
    ),
    lambda parts: ProbePages(
        ProbeActions(parts.services, parts.settings), parts.shell, parts.services.clock
    ),
    lambda parts: ProjectListPages(
        parts.services.analytics, _project_access(parts), parts.shell, parts.services.clock
    ),
    lambda parts: OverviewPages(
        AskedReportPages(_REPORTS, _report_parts(parts)), _report_parts(parts), parts.settings
    ),
    lambda parts: EventsPages(_report_parts(parts)),
    lambda parts: AskedReportPages(_REPORTS, _report_parts(parts)),
    lambda parts: SharingPages(
        REPORTS_WITH_PAGES, _report_parts(parts), parts.renderer, parts.settings
    ),
    lambda parts: SharesApi(REPORTS_WITH_PAGES, _report_parts(parts), parts.settings),
    lambda parts: PersonsPages(_report_parts(parts)),
    lambda parts: SegmentsPages(_report_parts(parts)),
    lambda parts: TrafficPages(
        parts.services.analytics,
        _project_access(parts),
        ChartMarks(parts.services.annotations),
        parts.shell,
        parts.services.clock,
        parts.settings,
    ),
    lambda parts: SessionListPages(_session_parts(parts)),
    lambda parts: SessionReportPages(_session_parts(parts)),
    lambda parts: SessionPricesPages(
        _session_parts(parts),
        SessionPricesApi(parts.services.agent_sessions, parts.settings, parts.services.clock),
    ),
    lambda parts: SessionSetupPages(
        _session_parts(parts),
        _key_issuer(parts),
        SessionGithubApi(parts.services.agent_sessions),
    ),
    # After the pages with names of their own.
    lambda parts: SessionPages(_session_parts(parts)),
    lambda parts: ProjectSettingsPages(_settings_view(parts)),
    lambda parts: ProjectMemberPages(_settings_view(parts)),
    lambda parts: ProjectKeyPages(_settings_view(parts), parts.settings),
    lambda parts: TargetsPages(parts.services.targets, parts.services.pushes, parts.shell),
    lambda parts: DiscoveryPages(parts.services.targets, parts.services.discovered, parts.shell),
    lambda parts: StorePages(parts.services, parts.shell),
    lambda parts: AccountPages(parts.shell, parts.issuer, parts.second_factors, parts.actions),
    lambda parts: SecondFactorPages(parts.shell, parts.second_factors, parts.actions),
    lambda parts: UsersPages(
        parts.services.accounts, parts.shell, parts.second_factors, parts.actions
    ),
    lambda parts: DesignPages(parts.shell),
    lambda parts: AuditPages(parts.services.audit, _subject_names(parts), parts.shell),
    lambda parts: ReferencePages(
        parts.renderer, parts.settings, parts.services.version, PrometheusError
    ),
)
