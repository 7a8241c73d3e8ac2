"""Everything that the web application needs of analytics."""

from dataclasses import dataclass

from analytics.event_rates import EventRates
from analytics.product.batches import EventBatches
from analytics.product.exchange import EventExchange
from analytics.product.funnel_reports import FunnelReports
from analytics.product.limits import EventLimits
from analytics.product.live import Arrivals, LiveView
from analytics.product.paths import PathReports
from analytics.product.persons import PersonReports
from analytics.product.questions import Questions
from analytics.product.reports import ProductReports
from analytics.product.retention import RetentionReports
from analytics.product.saved_reports import SavedReports
from analytics.product.schema import SchemaReports
from analytics.product.segments import Segments
from analytics.product.sessions import SessionReports
from analytics.product.shares import ReportShares
from analytics.product.trends import TrendReports
from analytics.projects import Projects
from analytics.requests.keys import ProjectKeyring
from analytics.requests.reports import RequestReports
from analytics.requests.tracking import RequestParser
from analytics.series.counters import ProjectCounters
from analytics.settings import AnalyticsSettings
from model.clock import Clock
from model.limits import Refusals
from storage.api.activity import ActivityReader, EventTransfer
from storage.api.events import EventStore
from storage.api.project_keys import ProjectKeyRecords
from storage.api.projects import Project, ProjectRecords
from storage.api.reports.saved_reports import SavedReportRecords, SegmentRecords
from storage.api.reports.schema_notes import SchemaNoteRecords
from storage.api.reports.shares import ShareRecords
from storage.api.requests import RequestStore


@dataclass(frozen=True, slots=True)
class Analytics:
    """Projects, their events and their reports.

    Attributes:
        settings: section `analytics` of the configuration.
        projects: the projects.
        batches: stores events.
        reports: answers the reports of apptracker's API.
        segments: named groups of persons.
        questions: turns definitions in JSON into questions.
        trends, funnels: answer these reports.
        saved_reports: questions under a name.
        shares: links to reports for anybody.
        events: the event store.
        keyring: the API keys of projects.
        parser: parses tracked requests.
        requests: the store of tracked requests.
        request_reports: answers reports over them.
        retention: answers how many persons come back.
        paths: answers where persons go.
        persons: answers questions about single persons.
        schema: lists and describes event names and properties.
        live: returns the newest events.
        counters: counts what is stored, for the series of projects.
        sessions: answers the report over visits.
        exchange: exports and imports events.
        rates: limits what a project may send.
        arrivals: wakes those who wait for a project's next events.
    """

    settings: AnalyticsSettings
    projects: Projects
    batches: EventBatches
    reports: ProductReports
    segments: Segments
    questions: Questions
    trends: TrendReports
    funnels: FunnelReports
    saved_reports: SavedReports
    shares: ReportShares
    events: EventStore
    keyring: ProjectKeyring
    parser: RequestParser
    requests: RequestStore
    request_reports: RequestReports
    retention: RetentionReports
    paths: PathReports
    persons: PersonReports
    schema: SchemaReports
    live: LiveView
    counters: ProjectCounters
    sessions: SessionReports
    exchange: EventExchange
    rates: EventRates
    arrivals: Arrivals

    async def erase_person(self, project: Project, distinct_id: str) -> int:
        """Delete all that is stored of a person; return the number of events."""
        deleted = await self.events.erase_person(project.id, distinct_id)
        # Else a client that still uses the erased ids could not merge them again.
        self.batches.forget_identities(project)
        return deleted

    @classmethod
    def over(
        cls,
        settings: AnalyticsSettings,
        records: ProjectRecords,
        keys: ProjectKeyRecords,
        events: EventStore,
        requests: RequestStore,
        activity: ActivityReader,
        transfer: EventTransfer,
        saved_reports: SavedReportRecords,
        segment_records: SegmentRecords,
        share_records: ShareRecords,
        schema_notes: SchemaNoteRecords,
        clock: Clock,
        refusals: Refusals | None = None,
    ) -> "Analytics":
        """Return the service over its stores."""
        segments = Segments(segment_records, clock)
        questions = Questions(segments, clock)
        counters, refusals = ProjectCounters(), refusals or Refusals()
        limits = EventLimits(activity, settings.event_names, settings.event_properties, refusals)
        arrivals = Arrivals()
        batches = EventBatches(events, clock, counters, limits, arrivals)
        return cls(
            settings,
            Projects(records, clock),
            batches,
            ProductReports(events, clock),
            segments,
            questions,
            TrendReports(events, clock),
            FunnelReports(events, clock),
            SavedReports(saved_reports, questions, clock),
            ReportShares(share_records, clock),
            events,
            ProjectKeyring(keys, clock),
            RequestParser(),
            requests,
            RequestReports(requests, clock),
            RetentionReports(activity, clock),
            PathReports(activity),
            PersonReports(events, activity),
            SchemaReports(activity, schema_notes, clock),
            LiveView(activity),
            counters,
            SessionReports(events, clock),
            EventExchange(transfer, batches),
            EventRates(settings.events_per_second, clock, refusals),
            arrivals,
        )
