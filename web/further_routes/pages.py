"""Routes of pages, and of the JSON API that is in no other group."""

from collections.abc import Iterable, Iterator

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
from web.explore.queries_api import UserQueriesApi
from web.explore.words_api import WordsApi
from web.http.assets import Assets
from web.http.routing import Handlers, Route, routes_of
from web.internals import Internals
from web.pages import PAGES, PageFactory
from web.palette.api import PaletteApi
from web.palette.sources import PaletteSources
from web.probes.actions import ProbeActions
from web.probes.api import ProbesApi
from web.projects.access import ProjectAccess
from web.prometheus.panel_answers import EngineAnswers
from web.server.configuration import ConfigurationApi
from web.status_pages.api import StatusPagesApi
from web.status_pages.public import PublicStatusPages
from web.status_pages.references import References


def page_routes(
    internals: Internals, assets: Assets, pages: Iterable[PageFactory] | None = None
) -> Iterator[Route]:
    """Return these routes; the first that matches a request serves it.

    Args:
        internals: shared objects of the application.
        assets: the static files.
        pages: the registry of pages, None for all of ours.
    """
    return routes_of(
        assets,
        *(page(internals) for page in (PAGES if pages is None else pages)),
        *_json_api(internals),
    )


def _json_api(internals: Internals) -> tuple[Handlers, ...]:
    services, settings, fleet = internals.services, internals.settings, internals.fleet
    members = ProjectAccess(services.analytics.projects, answers_missing=True)
    board = internals.status_pages.board()
    return (
        internals.installer,
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
        AlertsApi(services.alerts, services.alerting, fleet, services.clock),
        BulkAcknowledgement(services.alerting, fleet, services.clock),
        BacktestApi(RuleBacktests(services.samples, services.clock)),
        RuleTestsApi(EditedRuleTests()),
        RuleGroupsApi(services.managed_rules),
        MaintenanceApi(MaintenanceWindows(services.alerting, services.clock)),
        ExplanationApi(services.alerts, services.alerting, explainer(services)),
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
