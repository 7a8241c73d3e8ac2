"""Parameters and bodies of the reports about persons over time."""

from typing import Annotated

from pydantic import Field, StringConstraints

from analytics.product.definitions import EventName, PathDefinition, RetentionDefinition
from analytics.product.exchange import ExportFormat
from analytics.product.live import MOST_LIVE_EVENTS
from analytics.product.persons import MOST_EVENTS, MOST_PERSONS
from analytics.timestamps import Moment
from web.events.forms import ProjectBody
from web.http.parameters import DIGITS, Flag, Parameters

Cursor = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,15}-[0-9]{1,15}$")]
PersonId = Annotated[str, StringConstraints(max_length=512)]


class RetentionForm(ProjectBody, RetentionDefinition):
    """Who comes back after a start; without `returnEvent`, with any event."""


class RetentionPersonsForm(RetentionForm):
    """A cell of the report: the index of its cohort and its period, or the whole cohort."""

    cohortIndex: Annotated[int, Field(ge=0)]
    cellPeriod: Annotated[int, Field(ge=0)] | None = None


class PathForm(ProjectBody, PathDefinition):
    """The ways of persons from `startEvent` on, or to `endEvent`."""


class PersonsQuery(Parameters):
    """The beginning of an id."""

    search: PersonId = ""
    limit: Annotated[int, Field(ge=1, le=MOST_PERSONS), DIGITS] = 20


class TimelineQuery(Parameters):
    """A page of a person's events; `before` is the `cursor` of the page before."""

    limit: Annotated[int, Field(ge=1, le=MOST_EVENTS), DIGITS] = 100
    before: Cursor | None = None
    eventName: EventName | None = None


class LiveQuery(Parameters):
    """The events that arrived after a `cursor`."""

    cursor: Annotated[int, Field(ge=-1, lt=2**53)] | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_LIVE_EVENTS), DIGITS] = 100


class SchemaQuery(Parameters):
    """The properties of the events with one name, since a time; `hidden` names as well."""

    eventName: EventName | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    hidden: Flag = False


class ImportQuery(Parameters):
    """The format of a file of events."""

    format: ExportFormat = ExportFormat.JSONL


class ExportQuery(ImportQuery):
    """The events of a file: without a range, all."""

    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None
    eventName: EventName | None = None
