"""Parameters and bodies of `/v1/`."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from analytics.product.ingestion import LONGEST_NAME
from analytics.product.reports import MOST_STEPS
from analytics.statistics.calendar import Interval
from web.http.parameters import DIGITS, Parameters
from web.projects.times import Moment

EventName = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)]
ProjectKey = Annotated[str, StringConstraints(max_length=64)]
ZoneName = Annotated[str, StringConstraints(max_length=64)]


class ProjectForm(BaseModel):
    """A new project."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    timeZone: ZoneName = "UTC"
    weekStart: Annotated[int, Field(ge=1, le=7)] = 1


class BatchForm(BaseModel):
    """A batch of events; each event is validated by itself."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    projectKey: ProjectKey
    events: list[dict[str, Any]]


class ProjectQuery(Parameters):
    """A filter of the list of projects."""

    projectKey: ProjectKey | None = None


class ReportQuery(Parameters):
    """A project and a range, by default the last thirty days."""

    projectKey: ProjectKey = ""
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None


class TopEventsQuery(ReportQuery):
    """The most frequent events."""

    limit: Annotated[int, Field(ge=1, le=1000), DIGITS] = 10


class TimeSeriesQuery(ReportQuery):
    """A series in time; without a zone, in the project's."""

    interval: Interval = Interval.DAY
    eventName: EventName | None = None
    timeZone: ZoneName | None = None


class ConversionQuery(ReportQuery):
    """The event whose persons are counted."""

    eventName: EventName


class FunnelForm(BaseModel):
    """The steps of a funnel in order, and the longest time from the first to the last."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    projectKey: ProjectKey = ""
    steps: Annotated[list[EventName], Field(min_length=1, max_length=MOST_STEPS)]
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None
    windowSeconds: Annotated[int, Field(ge=1, le=366 * 86_400)] = 14 * 86_400
