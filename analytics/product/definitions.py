"""The questions of reports in JSON: the bodies of requests, and what saved reports hold.

A definition is valid by itself. Filters are parsed when the report is asked, because they
may name segments.
"""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from analytics.product.conditions import MOST_DAYS
from analytics.product.funnels import MOST_STEPS
from analytics.product.ingestion import LONGEST_NAME
from analytics.product.paths import MOST_BRANCHES, MOST_DEPTH, PathUnit
from analytics.product.retention import MOST_PERIODS, RetentionPeriods, RetentionStarts
from analytics.statistics.calendar import Interval
from analytics.statistics.funnel import FunnelOrder
from analytics.timestamps import Moment
from model.base_models import DeferredModel
from storage.api.reports.measures import EventMeasure

MOST_TREND_EVENTS: Final = 20
MOST_EXCLUSIONS: Final = 10
MOST_VALUES_SHOWN: Final = 100

EventName = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)]
PropertyName = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)]
ZoneName = Annotated[str, StringConstraints(max_length=64)]

_CONDITION: Final = {
    "type": "object",
    "description": "A condition: `property`, `operator` and `value`; or `segment`; or conditions"
    " in `all`, `any` or `not`.",
    "properties": {
        "property": {"type": "string"},
        "operator": {"type": "string"},
        "value": {},
        "segment": {"type": "string"},
        "all": {"type": "array", "items": {"type": "object"}},
        "any": {"type": "array", "items": {"type": "object"}},
        "not": {"type": "object"},
    },
}
Filters = Annotated[
    Any,
    WithJsonSchema(
        {"anyOf": [{"type": "array", "items": _CONDITION}, _CONDITION, {"type": "null"}]}
    ),
]
"""A filter in JSON, see `analytics.product.conditions`."""


class ReportKind(StrEnum):
    """The report that a definition belongs to."""

    OVERVIEW = "overview"
    TOP_EVENTS = "top-events"
    TIME_SERIES = "events-timeseries"
    CONVERSION = "conversion"
    TRENDS = "trends"
    FUNNEL = "funnel"
    RETENTION = "retention"
    PATHS = "paths"
    SESSIONS = "sessions"


class ReportDefinition(DeferredModel):
    """The events of a report.

    The range is `from` and `to`, or the last `days` local dates with today; without any of
    them, the last thirty days until now.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None
    days: Annotated[int | None, Field(ge=1, le=MOST_DAYS)] = None
    filters: Filters = None

    @model_validator(mode="after")
    def _require_one_range(self) -> "ReportDefinition":
        if self.days is not None and (self.from_ is not None or self.to is not None):
            raise ValueError("give days, or from and to")
        return self


class TopEventsDefinition(ReportDefinition):
    """The most frequent events."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 10


class SessionsDefinition(ReportDefinition):
    """The visits of a range, and how many pages and sources are listed.

    Without `interval`, the series has one that fits the range; without a zone, the project's.
    """

    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    interval: Interval | None = None
    timeZone: ZoneName | None = None
    compare: bool = False


class TimeSeriesDefinition(ReportDefinition):
    """A series in time; without a zone, in the project's."""

    interval: Interval = Interval.DAY
    eventName: EventName | None = None
    timeZone: ZoneName | None = None


class ConversionDefinition(ReportDefinition):
    """The event whose persons are counted."""

    eventName: EventName


def _as_object(value: Any) -> Any:
    return {"event": value} if isinstance(value, str) else value


class EventDefinition(DeferredModel):
    """An event by its name, null for any, and a condition on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: EventName | None
    filters: Filters = None
    label: Annotated[str | None, StringConstraints(max_length=LONGEST_NAME)] = None


NamedEvent = Annotated[
    EventDefinition, BeforeValidator(_as_object, json_schema_input_type=EventName | EventDefinition)
]
"""An event; its name alone stands for it."""


class TrendEventDefinition(EventDefinition):
    """An event, and what is measured of it; some measures need a numeric `property`."""

    measure: EventMeasure = EventMeasure.EVENTS
    property: PropertyName | None = None


class TrendsDefinition(ReportDefinition):
    """Measures of events in time, beside each other."""

    events: Annotated[
        list[
            Annotated[
                TrendEventDefinition,
                BeforeValidator(
                    _as_object, json_schema_input_type=EventName | TrendEventDefinition
                ),
            ]
        ],
        Field(min_length=1, max_length=MOST_TREND_EVENTS),
    ]
    interval: Interval = Interval.DAY
    timeZone: ZoneName | None = None
    breakdown: PropertyName | None = None
    breakdownLimit: Annotated[int, Field(ge=1, le=MOST_VALUES_SHOWN)] = 10
    compare: bool = False


class ExclusionDefinition(EventDefinition):
    """An event that ends an attempt between two steps; by default between the first and the last.

    Steps have the numbers 1, 2, and so on.
    """

    after: Annotated[int, Field(ge=1, le=MOST_STEPS)] = 1
    before: Annotated[int | None, Field(ge=2, le=MOST_STEPS)] = None


class FunnelDefinition(ReportDefinition):
    """The steps of a funnel, and the longest time from the first to the last."""

    steps: Annotated[list[NamedEvent], Field(min_length=1, max_length=MOST_STEPS)]
    windowSeconds: Annotated[int, Field(ge=1, le=366 * 86_400)] = 14 * 86_400
    order: FunnelOrder = FunnelOrder.ORDERED
    exclusions: list[ExclusionDefinition] = Field(default_factory=list, max_length=MOST_EXCLUSIONS)
    breakdown: PropertyName | None = None
    breakdownLimit: Annotated[int, Field(ge=1, le=MOST_VALUES_SHOWN)] = 10


CohortInterval = Literal[Interval.HOUR, Interval.DAY, Interval.WEEK, Interval.MONTH]


class RetentionDefinition(ReportDefinition):
    """Who comes back after a start; without `returnEvent`, with any event."""

    startEvent: NamedEvent
    returnEvent: NamedEvent | None = None
    cohort: CohortInterval = Interval.WEEK
    period: CohortInterval | None = None
    periods: Annotated[int, Field(ge=1, le=MOST_PERIODS)] = 8
    starts: RetentionStarts = RetentionStarts.FIRST_EVER
    kind: RetentionPeriods = RetentionPeriods.CALENDAR
    unbounded: bool = False
    timeZone: ZoneName | None = None


Seconds = Annotated[int, Field(ge=1, le=366 * 86_400)]


class PathDefinition(ReportDefinition):
    """The ways of persons from `startEvent` on, or to `endEvent`."""

    startEvent: NamedEvent | None = None
    endEvent: NamedEvent | None = None
    depth: Annotated[int, Field(ge=1, le=MOST_DEPTH)] = 5
    branches: Annotated[int, Field(ge=1, le=MOST_BRANCHES)] = 5
    unit: PathUnit = PathUnit.SESSIONS
    gapSeconds: Seconds = 1800
    windowSeconds: Seconds | None = None
    joinRepeats: bool = True


DEFINITIONS: Final[dict[ReportKind, type[ReportDefinition]]] = {
    ReportKind.OVERVIEW: ReportDefinition,
    ReportKind.TOP_EVENTS: TopEventsDefinition,
    ReportKind.TIME_SERIES: TimeSeriesDefinition,
    ReportKind.CONVERSION: ConversionDefinition,
    ReportKind.TRENDS: TrendsDefinition,
    ReportKind.FUNNEL: FunnelDefinition,
    ReportKind.RETENTION: RetentionDefinition,
    ReportKind.PATHS: PathDefinition,
    ReportKind.SESSIONS: SessionsDefinition,
}
"""The definitions that can be saved."""
