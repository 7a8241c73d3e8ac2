"""The answers about persons over time."""

from collections.abc import Sequence
from typing import Any

import orjson
from typing_extensions import TypedDict

from analytics.product.exchange import ImportResult
from analytics.product.live import LiveEvents
from analytics.product.paths import PathReport, PathStep
from analytics.product.persons import LatestProperty, PersonProfile, PersonTimeline
from analytics.product.retention import RetentionCell, RetentionCohort, RetentionReport
from storage.api.activity import FoundPerson, SeenName
from storage.api.events import StoredEvent
from web.events.documents import ItemErrorDocument, Range, RateDocument, rate_document
from web.projects.times import iso


class RetentionCellDocument(TypedDict):
    """The returns in one period; `complete` is false until it is over for the whole cohort."""

    period: int
    size: int
    users: int
    rate: RateDocument
    complete: bool


class CohortDocument(TypedDict):
    """The persons who start in one stretch of time, and the periods that have begun."""

    cohort: str
    start: str
    end: str
    users: int
    complete: bool
    cells: list[RetentionCellDocument]


class RetentionDocument(Range):
    """Retention by cohort; `overall` adds up the complete cells of each period."""

    timeZone: str
    cohorts: list[CohortDocument]
    overall: list[RetentionCellDocument]


class RetentionPersonsDocument(Range):
    """The persons behind one cell."""

    users: list[str]


class PathStepDocument(TypedDict):
    """An event on paths: `count` is `ended` plus `other` plus the counts of `following`."""

    eventName: str
    count: int
    ended: int
    other: int
    otherNames: int
    following: "list[PathStepDocument]"


class PathDocument(Range):
    """Paths as a tree; `unit` says what is counted."""

    unit: str
    total: int
    other: int
    otherNames: int
    first: list[PathStepDocument]


class FoundPersonDocument(TypedDict):
    """An id with the number of its events."""

    distinctId: str
    events: int
    firstSeen: str
    lastSeen: str


class FoundPersonsDocument(TypedDict):
    """Ids that begin with the search text, the one with the latest event first."""

    persons: list[FoundPersonDocument]


class SeenNameDocument(TypedDict):
    """An event name with its volume."""

    eventName: str
    count: int
    firstSeen: str
    lastSeen: str


class LatestPropertyDocument(TypedDict):
    """The latest value of a property."""

    name: str
    value: Any
    time: str


class PersonDocument(TypedDict):
    """A person: merged ids, events, own properties, and the latest ones of events."""

    distinctId: str
    distinctIds: list[str]
    events: int
    firstSeen: str | None
    lastSeen: str | None
    eventNames: list[SeenNameDocument]
    personProperties: list[LatestPropertyDocument]
    properties: list[LatestPropertyDocument]


class EventDocument(TypedDict):
    """An event as it was stored."""

    sequence: int
    eventName: str
    timestamp: str
    receivedAt: str
    distinctId: str
    properties: dict[str, Any]


class TimelineDocument(TypedDict):
    """A page of events, the newest first; `cursor` is null on the last one."""

    events: list[EventDocument]
    cursor: str | None


class LiveDocument(TypedDict):
    """The newest events; `gap` says that more arrived since the cursor than are here."""

    events: list[EventDocument]
    cursor: int
    gap: bool


class ErasedDocument(TypedDict):
    """How many events of a person were deleted."""

    deleted: int


class ImportDocument(TypedDict):
    """New and repeated events, and the number of refused rows with the first errors."""

    inserted: int
    duplicates: int
    refused: int
    errors: list[ItemErrorDocument]


def cell_document(cell: RetentionCell) -> RetentionCellDocument:
    """Return the returns in one period."""
    return RetentionCellDocument(
        period=cell.period,
        size=cell.size,
        users=cell.persons,
        rate=rate_document(cell.rate),
        complete=cell.is_complete,
    )


def cohort_document(cohort: RetentionCohort) -> CohortDocument:
    """Return one cohort."""
    return CohortDocument(
        cohort=cohort.label,
        start=iso(cohort.start_ms),
        end=iso(cohort.end_ms),
        users=cohort.size,
        complete=cohort.is_complete,
        cells=[cell_document(cell) for cell in cohort.cells],
    )


def retention_document(common: Range, report: RetentionReport) -> RetentionDocument:
    """Return a retention report."""
    return RetentionDocument(
        **common,
        timeZone=report.time_zone,
        cohorts=[cohort_document(cohort) for cohort in report.cohorts],
        overall=[cell_document(cell) for cell in report.overall],
    )


def path_step_document(step: PathStep) -> PathStepDocument:
    """Return one event of a tree of paths, with those that follow."""
    return PathStepDocument(
        eventName=step.name,
        count=step.count,
        ended=step.ended,
        other=step.other,
        otherNames=step.other_names,
        following=[path_step_document(each) for each in step.following],
    )


def path_document(common: Range, report: PathReport) -> PathDocument:
    """Return a tree of paths."""
    return PathDocument(
        **common,
        unit=report.unit,
        total=report.total,
        other=report.other,
        otherNames=report.other_names,
        first=[path_step_document(step) for step in report.first],
    )


def found_persons_document(found: Sequence[FoundPerson]) -> FoundPersonsDocument:
    """Return the ids that a search found."""
    return FoundPersonsDocument(
        persons=[
            FoundPersonDocument(
                distinctId=each.distinct_id,
                events=each.events,
                firstSeen=iso(each.first_ms),
                lastSeen=iso(each.last_ms),
            )
            for each in found
        ]
    )


def seen_name_document(seen: SeenName) -> SeenNameDocument:
    """Return an event name with its volume."""
    return SeenNameDocument(
        eventName=seen.name,
        count=seen.events,
        firstSeen=iso(seen.first_ms),
        lastSeen=iso(seen.last_ms),
    )


def person_document(profile: PersonProfile) -> PersonDocument:
    """Return a person."""
    summary = profile.summary
    return PersonDocument(
        distinctId=summary.distinct_id,
        distinctIds=list(summary.distinct_ids),
        events=summary.events,
        firstSeen=None if summary.first_ms is None else iso(summary.first_ms),
        lastSeen=None if summary.last_ms is None else iso(summary.last_ms),
        eventNames=[seen_name_document(name) for name in summary.names],
        personProperties=[_property_document(each) for each in profile.own],
        properties=[_property_document(each) for each in profile.properties],
    )


def _property_document(found: LatestProperty) -> LatestPropertyDocument:
    return LatestPropertyDocument(name=found.name, value=found.value, time=iso(found.time_ms))


def event_document(event: StoredEvent) -> EventDocument:
    """Return an event."""
    return EventDocument(
        sequence=event.sequence,
        eventName=event.name,
        timestamp=iso(event.time_ms),
        receivedAt=iso(event.received_ms),
        distinctId=event.distinct_id,
        properties=orjson.loads(event.properties),
    )


def timeline_document(page: PersonTimeline) -> TimelineDocument:
    """Return a page of events."""
    cursor = None if page.following is None else "{}-{}".format(*page.following)
    return TimelineDocument(events=[event_document(event) for event in page.events], cursor=cursor)


def live_document(live: LiveEvents) -> LiveDocument:
    """Return the newest events."""
    return LiveDocument(
        events=[event_document(event) for event in live.events],
        cursor=live.cursor,
        gap=live.has_gap,
    )


def import_document(result: ImportResult) -> ImportDocument:
    """Return what became of the rows of an import."""
    return ImportDocument(
        inserted=result.stored,
        duplicates=result.duplicates,
        refused=result.refused,
        errors=[
            ItemErrorDocument(index=one.index, field=one.field, error=one.error)
            for one in result.errors
        ],
    )
