"""The answers of `/v1/`, with apptracker's names."""

from typing import NotRequired

from typing_extensions import TypedDict

from analytics.product.batches import StoredBatch
from analytics.product.reports import Conversion, TimeSeriesPoint
from analytics.statistics.proportion import Proportion
from storage.api.events import EventGroup, EventSelection, EventTotals
from storage.api.projects import Project
from web.projects.times import iso


class ProjectDocument(TypedDict):
    """A project; events are sent with its `projectKey`."""

    name: str
    projectKey: str
    createdAt: str
    isActive: bool
    timeZone: str
    weekStart: int


class ItemErrorDocument(TypedDict):
    """A refused item of a batch."""

    index: int
    field: str
    error: str


class BatchDocument(TypedDict):
    """The outcome of a batch: new events, repeated ones, and refused items.

    `future` has the indexes of the events that are kept apart because their time is more
    than ten minutes ahead. `excluded` is the number of events of bots and own visits, which
    are counted but not stored.
    """

    success: bool
    inserted: int
    duplicates: int
    excluded: int
    future: list[int]
    errors: list[ItemErrorDocument]


Range = TypedDict("Range", {"projectKey": str, "from": str, "to": str})
"""The project and the range of a report."""


class OverviewDocument(Range):
    """The number of events, of persons and of event names."""

    totalEvents: int
    uniqueUsers: int
    uniqueEventNames: int


class EventCountDocument(TypedDict):
    """How often an event happened, and to how many persons."""

    eventName: str | None
    count: int
    uniqueUsers: int


class TopEventsDocument(Range):
    """The most frequent events."""

    events: list[EventCountDocument]


class PointDocument(TypedDict):
    """One bucket; `complete` is false while it has not ended."""

    period: str
    start: str
    end: str
    count: int
    uniqueUsers: int
    complete: bool


class TimeSeriesDocument(Range):
    """Events by time."""

    interval: str
    timeZone: str
    eventName: str | None
    series: list[PointDocument]


class RateDocument(TypedDict):
    """A share with its 95 % interval by Wilson; null if nobody could take part."""

    rate: float | None
    low: float | None
    high: float | None


class ConversionDocument(Range):
    """The share of the range's persons who had an event."""

    eventName: str
    totalUsers: int
    convertedUsers: int
    totalEvents: int
    conversionRate: RateDocument


class DatabaseDocument(TypedDict):
    """Whether the event store answers."""

    status: str
    database: str
    events: NotRequired[int]


class TestInsertDocument(TypedDict):
    """Whether the event store takes writes."""

    success: bool
    inserted: int


def project_document(project: Project) -> ProjectDocument:
    """Return a project."""
    return ProjectDocument(
        name=project.settings.name,
        projectKey=project.key,
        createdAt=iso(project.created_ms),
        isActive=project.settings.is_active,
        timeZone=project.settings.time_zone,
        weekStart=project.settings.week_start,
    )


def batch_document(batch: StoredBatch) -> BatchDocument:
    """Return the result of a batch."""
    return BatchDocument(
        success=not batch.errors,
        inserted=batch.stored,
        duplicates=batch.duplicates,
        excluded=batch.excluded,
        future=list(batch.future),
        errors=[
            ItemErrorDocument(index=one.index, field=one.field, error=one.error)
            for one in batch.errors
        ],
    )


def range_document(project: Project, selection: EventSelection) -> Range:
    """Return the project and the range of a report."""
    return {
        "projectKey": project.key,
        "from": iso(selection.start_ms),
        "to": iso(selection.end_ms),
    }


def overview_document(common: Range, totals: EventTotals) -> OverviewDocument:
    """Return the totals of a range."""
    return OverviewDocument(
        **common,
        totalEvents=totals.events,
        uniqueUsers=totals.persons,
        uniqueEventNames=totals.names,
    )


def event_count_document(group: EventGroup) -> EventCountDocument:
    """Return the count of one event name."""
    return EventCountDocument(eventName=group.value, count=group.events, uniqueUsers=group.persons)


def point_document(point: TimeSeriesPoint) -> PointDocument:
    """Return one bucket of a series."""
    return PointDocument(
        period=point.label,
        start=iso(point.start_ms),
        end=iso(point.end_ms),
        count=point.events,
        uniqueUsers=point.persons,
        complete=point.is_complete,
    )


def rate_document(proportion: Proportion) -> RateDocument:
    """Return a share with its interval."""
    return RateDocument(rate=proportion.rate, low=proportion.low, high=proportion.high)


def conversion_document(common: Range, name: str, found: Conversion) -> ConversionDocument:
    """Return the conversion of a range's persons."""
    return ConversionDocument(
        **common,
        eventName=name,
        totalUsers=found.persons,
        convertedUsers=found.converted,
        totalEvents=found.events,
        conversionRate=rate_document(found.rate),
    )
