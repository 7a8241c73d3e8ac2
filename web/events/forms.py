"""Parameters and bodies of `/v1/`."""

from typing import Annotated, Any

import orjson
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from analytics.product.conditions import LONGEST_SEGMENT_NAME, MOST_DAYS
from analytics.product.definitions import (
    ConversionDefinition,
    Filters,
    FunnelDefinition,
    ReportDefinition,
    ReportKind,
    SessionsDefinition,
    TimeSeriesDefinition,
    TopEventsDefinition,
    TrendsDefinition,
    ZoneName,
)
from analytics.product.funnels import MOST_STEPS, Outcome
from analytics.product.saved_reports import LONGEST_REPORT_NAME
from model.base_models import DeferredModel
from web.http.parameters import DIGITS, Flag, Parameters

ProjectKey = Annotated[str, StringConstraints(max_length=64)]
Days = Annotated[int | None, Field(ge=1, le=MOST_DAYS), DIGITS]


class ProjectForm(DeferredModel):
    """A new project."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    timeZone: ZoneName = "UTC"
    weekStart: Annotated[int, Field(ge=1, le=7)] = 1


class BatchForm(DeferredModel):
    """A batch of events; each event is validated by itself.

    With `cookieless`, an event without an id gets one of the visitor's day. `sentAt` is when
    the batch was sent, by the sender's clock; a clock that is wrong by over ten minutes is
    corrected.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    projectKey: ProjectKey
    events: list[dict[str, Any]]
    cookieless: bool = False
    sentAt: int | float | str | None = None


class ProjectQuery(Parameters):
    """A filter of the list of projects."""

    projectKey: ProjectKey | None = None


def _from_text(value: Any) -> Any:
    """Return a filter from a query parameter."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as exc:
        raise ValueError(f"must be a filter in JSON: {exc}") from exc


class ReportQuery(Parameters):
    """A project, a range and a filter in JSON; see the definitions for the range."""

    projectKey: ProjectKey = ""
    filters: Annotated[
        Any, BeforeValidator(_from_text), WithJsonSchema({"type": "string", "maxLength": 65536})
    ] = None


class OverviewQuery(ReportQuery, ReportDefinition):
    """The events that are counted."""

    days: Days = None


class TopEventsQuery(ReportQuery, TopEventsDefinition):
    """The most frequent events."""

    days: Days = None
    limit: Annotated[int, Field(ge=1, le=1000), DIGITS] = 10


class SessionsQuery(ReportQuery, SessionsDefinition):
    """The visits of a range."""

    days: Days = None
    limit: Annotated[int, Field(ge=1, le=1000), DIGITS] = 10
    compare: Flag = False


class TimeSeriesQuery(ReportQuery, TimeSeriesDefinition):
    """A series in time; without a zone, in the project's."""

    days: Days = None


class ConversionQuery(ReportQuery, ConversionDefinition):
    """The event whose persons are counted."""

    days: Days = None


class ProjectBody(DeferredModel):
    """The project of a report."""

    projectKey: ProjectKey = ""


class OverviewForm(ProjectBody, ReportDefinition):
    """The events that are counted."""


class TopEventsForm(ProjectBody, TopEventsDefinition):
    """The most frequent events."""


class SessionsForm(ProjectBody, SessionsDefinition):
    """The visits of a range."""


class TimeSeriesForm(ProjectBody, TimeSeriesDefinition):
    """A series in time; without a zone, in the project's."""


class ConversionForm(ProjectBody, ConversionDefinition):
    """The event whose persons are counted."""


class TrendsForm(ProjectBody, TrendsDefinition):
    """Measures of events in time, beside each other."""


class FunnelForm(ProjectBody, FunnelDefinition):
    """The steps of a funnel, and the longest time from the first to the last."""


class FunnelPersonsForm(FunnelForm):
    """A number of a funnel, and which page of its persons.

    `value` chooses the persons with one value of the breakdown's property, null those
    without; if it is missing, all are meant. `after` is the `next` of the page before.
    """

    step: Annotated[int, Field(ge=1, le=MOST_STEPS)]
    outcome: Outcome = Outcome.TOOK
    value: str | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    after: Annotated[str | None, StringConstraints(max_length=16)] = None


class SegmentForm(DeferredModel):
    """A segment: its name and its condition on persons."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=LONGEST_SEGMENT_NAME, strip_whitespace=True),
    ]
    definition: Filters


class SavedReportForm(DeferredModel):
    """Name and question of a saved report."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=LONGEST_REPORT_NAME, strip_whitespace=True),
    ]
    definition: dict[str, Any]


class NewSavedReportForm(SavedReportForm):
    """A new saved report; its kind stays."""

    kind: ReportKind
