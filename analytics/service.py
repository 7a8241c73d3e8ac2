"""Everything that the web application needs of analytics."""

from dataclasses import dataclass

from analytics.product.batches import EventBatches
from analytics.product.live import LiveView
from analytics.product.paths import PathReports
from analytics.product.persons import PersonReports
from analytics.product.reports import ProductReports
from analytics.product.retention_reports import RetentionReports
from analytics.product.schema import SchemaReports
from analytics.projects import Projects
from analytics.requests.keys import ProjectKeyring
from analytics.requests.reports import RequestReports
from analytics.requests.tracking import RequestParser
from analytics.settings import AnalyticsSettings
from model.clock import Clock
from storage.api.activity import ActivityReader
from storage.api.events import EventStore
from storage.api.project_keys import ProjectKeyRecords
from storage.api.projects import ProjectRecords
from storage.api.requests import RequestStore


@dataclass(frozen=True, slots=True)
class Analytics:
    """Projects, their events and their reports.

    Attributes:
        settings: section `analytics` of the configuration.
        projects: the projects.
        batches: stores events.
        reports: answers reports.
        events: the event store.
        keyring: the API keys of projects.
        parser: parses tracked requests.
        requests: the store of tracked requests.
        request_reports: answers reports over them.
        retention: answers how many persons come back.
        paths: answers where persons go.
        persons: answers questions about single persons.
        schema: lists event names and properties.
        live: returns the newest events.
    """

    settings: AnalyticsSettings
    projects: Projects
    batches: EventBatches
    reports: ProductReports
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

    @classmethod
    def over(
        cls,
        settings: AnalyticsSettings,
        records: ProjectRecords,
        keys: ProjectKeyRecords,
        events: EventStore,
        requests: RequestStore,
        activity: ActivityReader,
        clock: Clock,
    ) -> "Analytics":
        """Return the service over its stores."""
        return cls(
            settings,
            Projects(records, clock),
            EventBatches(events, clock),
            ProductReports(events, clock),
            events,
            ProjectKeyring(keys, clock),
            RequestParser(),
            requests,
            RequestReports(requests, clock),
            RetentionReports(activity, clock),
            PathReports(activity),
            PersonReports(events, activity),
            SchemaReports(activity, clock),
            LiveView(activity),
        )
