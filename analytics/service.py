"""Everything that the web application needs of analytics."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from analytics.event_rates import EventRates
from analytics.projects import Projects
from analytics.requests.keys import ProjectKeyring
from analytics.series.counters import ProjectCounters
from analytics.settings import AnalyticsSettings
from model.clock import Clock
from model.limits import Refusals
from storage.api.activity import ActivityReader, EventTransfer
from storage.api.event_store import EventStore
from storage.api.project_keys import ProjectKeyRecords
from storage.api.projects import Project, ProjectRecords
from storage.api.reports.saved_reports import SavedReportRecords, SegmentRecords
from storage.api.reports.schema_notes import SchemaNoteRecords
from storage.api.reports.shares import ShareRecords
from storage.api.requests import RequestStore

if TYPE_CHECKING:
    from analytics.product.batches import EventBatches
    from analytics.product.exchange import EventExchange
    from analytics.product.funnel_reports import FunnelReports
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
    from analytics.requests.reports import RequestReports
    from analytics.requests.tracking import RequestParser


@dataclass(frozen=True, slots=True)
class AnalyticsRecords:
    """What users set up: rows of a few kilobytes, in the database of records.

    Attributes:
        projects: the projects.
        project_keys: their API keys.
        saved_reports, segments, shares, schema_notes: what users store about projects.
    """

    projects: ProjectRecords
    project_keys: ProjectKeyRecords
    saved_reports: SavedReportRecords
    segments: SegmentRecords
    shares: ShareRecords
    schema_notes: SchemaNoteRecords


@dataclass(frozen=True, slots=True)
class EventStores:
    """What projects send, in the database of events.

    Attributes:
        events: stores events, and answers reports over them.
        requests: the same for tracked requests.
        activity: answers questions about persons over time.
        transfer: exports events.
    """

    events: EventStore
    requests: RequestStore
    activity: ActivityReader
    transfer: EventTransfer


class Analytics:
    """Projects, their events and their reports.

    What only a server with events needs is imported and made at its first use: 40 modules. Its
    users are imported beside the event loop, and have imported it then.

    Attributes:
        settings: section `analytics` of the configuration.
        projects: the projects.
        events: the event store.
        requests: the store of tracked requests.
        keyring: the API keys of projects.
        counters: counts what is stored, for the series of projects.
        rates: limits what a project may send.
    """

    def __init__(
        self,
        settings: AnalyticsSettings,
        records: AnalyticsRecords,
        stores: EventStores,
        clock: Clock,
        refusals: Refusals | None = None,
    ) -> None:
        """Build what every server needs; `refusals` counts what exceeds a limit."""
        self.settings = settings
        self.projects = Projects(records.projects, clock)
        self.keyring = ProjectKeyring(records.project_keys, clock)
        self.events, self.requests, self._activity = stores.events, stores.requests, stores.activity
        self._records, self._transfer, self._clock = records, stores.transfer, clock
        self._refusals = refusals or Refusals()
        self.counters = ProjectCounters()
        self.rates = EventRates(settings.events_per_second, clock, self._refusals)

    @cached_property
    def batches(self) -> "EventBatches":
        """Stores events."""
        from analytics.product.batches import EventBatches
        from analytics.product.limits import EventLimits

        settings, activity = self.settings, self._activity
        limits = EventLimits(
            activity, settings.event_names, settings.event_properties, self._refusals
        )
        return EventBatches(self.events, self._clock, self.counters, limits, self.arrivals)

    @cached_property
    def arrivals(self) -> "Arrivals":
        """Wakes those who wait for a project's next events."""
        from analytics.product.live import Arrivals

        return Arrivals()

    @cached_property
    def reports(self) -> "ProductReports":
        """Answers the reports of apptracker's API."""
        from analytics.product.reports import ProductReports

        return ProductReports(self.events, self._clock)

    @cached_property
    def segments(self) -> "Segments":
        """Named groups of persons."""
        from analytics.product.segments import Segments

        return Segments(self._records.segments, self._clock)

    @cached_property
    def questions(self) -> "Questions":
        """Turns definitions in JSON into questions."""
        from analytics.product.questions import Questions

        return Questions(self.segments, self._clock)

    @cached_property
    def trends(self) -> "TrendReports":
        """Answers the report over trends."""
        from analytics.product.trends import TrendReports

        return TrendReports(self.events, self._clock)

    @cached_property
    def funnels(self) -> "FunnelReports":
        """Answers the report over funnels."""
        from analytics.product.funnel_reports import FunnelReports

        return FunnelReports(self.events, self._clock)

    @cached_property
    def saved_reports(self) -> "SavedReports":
        """Questions under a name."""
        from analytics.product.saved_reports import SavedReports

        return SavedReports(self._records.saved_reports, self.questions, self._clock)

    @cached_property
    def shares(self) -> "ReportShares":
        """Links to reports for anybody."""
        from analytics.product.shares import ReportShares

        return ReportShares(self._records.shares, self._clock)

    @cached_property
    def parser(self) -> "RequestParser":
        """Parses tracked requests."""
        from analytics.requests.tracking import RequestParser

        return RequestParser()

    @cached_property
    def request_reports(self) -> "RequestReports":
        """Answers reports over tracked requests."""
        from analytics.requests.reports import RequestReports

        return RequestReports(self.requests, self._clock)

    @cached_property
    def retention(self) -> "RetentionReports":
        """Answers how many persons come back."""
        from analytics.product.retention import RetentionReports

        return RetentionReports(self._activity, self._clock)

    @cached_property
    def paths(self) -> "PathReports":
        """Answers where persons go."""
        from analytics.product.paths import PathReports

        return PathReports(self._activity)

    @cached_property
    def persons(self) -> "PersonReports":
        """Answers questions about single persons."""
        from analytics.product.persons import PersonReports

        return PersonReports(self.events, self._activity)

    @cached_property
    def schema(self) -> "SchemaReports":
        """Lists and describes event names and properties."""
        from analytics.product.schema import SchemaReports

        return SchemaReports(self._activity, self._records.schema_notes, self._clock)

    @cached_property
    def live(self) -> "LiveView":
        """Returns the newest events."""
        from analytics.product.live import LiveView

        return LiveView(self._activity)

    @cached_property
    def sessions(self) -> "SessionReports":
        """Answers the report over visits."""
        from analytics.product.sessions import SessionReports

        return SessionReports(self.events, self._clock)

    @cached_property
    def exchange(self) -> "EventExchange":
        """Exports and imports events."""
        from analytics.product.exchange import EventExchange

        return EventExchange(self._transfer, self.batches)

    async def erase_person(self, project: Project, distinct_id: str) -> int:
        """Delete all that is stored of a person; return the number of events."""
        deleted = await self.events.erase_person(project.id, distinct_id)
        # Else a client that still uses the erased ids could not merge them again.
        self.batches.forget_identities(project)
        return deleted
