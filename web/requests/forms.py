"""Parameters and bodies of api-analytics-service's paths."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from analytics.requests.reports import DEFAULT_APDEX_MS
from analytics.statistics.calendar import Interval
from model.base_models import DeferredModel
from storage.api.project_keys import KeyScope
from storage.api.requests import RequestSelection, StoredRequest
from web.http.parameters import DIGITS, Flag, Parameters
from web.projects.times import Moment

Label = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Status = Annotated[str, StringConstraints(pattern=r"^([1-5]xx|[1-5][0-9]{2})$")]


def status_range(status: str | None) -> tuple[int, int] | None:
    """Return the lowest and the highest status of `4xx` or `404`, None for None."""
    if status is None:
        return None
    if status.endswith("xx"):
        return int(status[0]) * 100, int(status[0]) * 100 + 99
    return int(status), int(status)


class NewProjectForm(DeferredModel):
    """A new project."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Label
    time_zone: Annotated[str, StringConstraints(max_length=64)] = "UTC"
    week_start: Annotated[int, Field(ge=1, le=7)] = 1


class NewKeyForm(DeferredModel):
    """A new API key, in place of the key `replaces`, which stays valid for `overlap_s`.

    Without `scopes`, a new key may only `track`, and one in place of another what that may.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Label = "API key"
    replaces: Annotated[int, Field(ge=1)] | None = None
    overlap_s: Annotated[int, Field(ge=0, le=90 * 86_400)] = 86_400
    scopes: Annotated[list[KeyScope], Field(min_length=1, max_length=2)] | None = None


class TrackForm(DeferredModel):
    """One request that an application has served; other fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    method: Text
    path: Text
    route: Text | None = None
    status_code: Annotated[int, Field(ge=100, le=599)]
    response_time_ms: Annotated[float, Field(ge=0)]
    timestamp: datetime | float | None = None
    request_size: Annotated[int, Field(ge=0)] | None = None
    response_size: Annotated[int, Field(ge=0)] | None = None
    consumer: Text | None = None
    ip_address: Text | None = None
    version: Text | None = None


class TrackBatchForm(DeferredModel):
    """Several requests; `batch_id` lets a sender repeat a batch whose answer was lost."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    requests: list[dict[str, Any]]
    batch_id: Text | None = None


class CleanupForm(DeferredModel):
    """How many days of requests stay."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retention_days: Annotated[int, Field(ge=1, le=36_500)] = 90


Cursor = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,15}-[0-9]{1,15}$")]
"""Where a page of the log ends."""


def cursor_text(last: StoredRequest) -> str:
    """Return the cursor of a page that ends with a request."""
    return f"{last.request.time_ms}-{last.sequence}"


def cursor_of(text: str | None) -> tuple[int, int] | None:
    """Return the time and sequence of a cursor, None for None."""
    if text is None:
        return None
    time_ms, _, sequence = text.rpartition("-")
    return int(time_ms), int(sequence)


class RequestFilters(Parameters):
    """The requests that a report is about."""

    method: Text | None = None
    route: Text | None = None
    consumer: Text | None = None
    version: Text | None = None
    status: Status | None = None
    search: Text | None = None

    def selection(self, project: int, start_ms: int, end_ms: int) -> RequestSelection:
        """Return the requests of a range that pass the filters."""

        def only(value: str | None) -> tuple[str, ...] | None:
            return None if value is None else (value,)

        return RequestSelection(
            project,
            start_ms,
            end_ms,
            only(self.method and self.method.upper()),
            only(self.route),
            only(self.consumer),
            only(self.version),
            status_range(self.status),
            self.search,
        )


class MetricsQuery(RequestFilters):
    """A range, by default the last day, and filters."""

    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None


class SummaryQuery(MetricsQuery):
    """`apdex_ms` is the response time up to which users are satisfied.

    With `compare`, the equally long range before is counted too.
    """

    apdex_ms: Annotated[int, Field(ge=1, le=3_600_000), DIGITS] = DEFAULT_APDEX_MS
    compare: Flag = False


class SeriesQuery(MetricsQuery):
    """Figures by time; without a zone, in the project's."""

    interval: Interval = Interval.HOUR
    time_zone: Annotated[str, StringConstraints(max_length=64)] | None = None


class LatencyQuery(SeriesQuery):
    """Each doubling of the response time has so many bins."""

    bins_per_doubling: Literal["1", "2", "4", "8"] = "8"


class ListQuery(MetricsQuery):
    """The first entries of a list."""

    limit: Annotated[int, Field(ge=1, le=1000), DIGITS] = 100


class BreakdownQuery(ListQuery):
    """The property whose values are compared."""

    by: Literal["status", "method", "version"] = "status"


class RoutesQuery(ListQuery):
    """Routes with most requests, most errors, or the slowest 95th percentile."""

    order: Literal["requests", "errors", "slowest"] = "requests"


class LogQuery(ListQuery):
    """A page of the log; `before` is the `cursor` of the page before."""

    before: Cursor | None = None


class KeyQuery(Parameters):
    """The id of a key."""

    id: Annotated[int, Field(ge=1, le=2**63 - 1), DIGITS]
