"""Everything that the web application needs of analytics."""

from dataclasses import dataclass

from analytics.product.batches import EventBatches
from analytics.product.reports import ProductReports
from analytics.projects import Projects
from analytics.settings import AnalyticsSettings
from model.clock import Clock
from storage.api.events import EventStore
from storage.api.projects import ProjectRecords


@dataclass(frozen=True, slots=True)
class Analytics:
    """Projects, their events and their reports.

    Attributes:
        settings: section `analytics` of the configuration.
        projects: the projects.
        batches: stores events.
        reports: answers reports.
        events: the event store.
    """

    settings: AnalyticsSettings
    projects: Projects
    batches: EventBatches
    reports: ProductReports
    events: EventStore

    @classmethod
    def over(
        cls, settings: AnalyticsSettings, records: ProjectRecords, events: EventStore, clock: Clock
    ) -> "Analytics":
        """Return the service over its stores."""
        return cls(
            settings,
            Projects(records, clock),
            EventBatches(events, clock),
            ProductReports(events, clock),
            events,
        )
