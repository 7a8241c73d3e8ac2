"""Routes of product events and tracked requests, for programs: applications send them all day."""

from collections.abc import Iterator

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
from web.http.assets import Assets
from web.http.routing import Route, routes_of
from web.projects.access import ProjectAccess
from web.projects.settings_api import ProjectSettingsApi
from web.requests.metrics_api import RequestMetricsApi
from web.requests.projects_api import TenantProjectsApi
from web.requests.track_api import TrackApi
from web.services import Services
from web.settings import WebSettings


def analytics_routes(services: Services, settings: WebSettings, assets: Assets) -> Iterator[Route]:
    """Return these routes.

    Args:
        services: the services of the application.
        settings: section `web` of the configuration.
        assets: the static files, with the script that web pages load.
    """
    analytics = services.analytics
    access = ProjectAccess(analytics.projects, is_open=analytics.settings.open_api)
    collection = EventCollection(analytics, access, settings, services.clock, services.refusals)
    tenants = ProjectAccess(analytics.projects, answers_missing=True)
    readers = ProjectAccess(
        analytics.projects, is_open=analytics.settings.open_api, answers_missing=True
    )
    return routes_of(
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
