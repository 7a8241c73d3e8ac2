"""The parameters of the Prometheus API for the API document, and builders of its routes.

These models only describe the parameters. `parameters` parses them, with Prometheus's error
messages, which clients expect, instead of pydantic's.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from web.http.multipart import MULTIPART
from web.http.operations import Described, Operation
from web.http.parameters import FORM, Parameters
from web.http.routing import Access, Handler, Route, Surface
from web.prometheus.document_types import Success


class QueryParameters(Parameters):
    """An instant query; times in Unix seconds or RFC 3339, durations in seconds or `1h30m`."""

    query: str = Field(examples=["sum by (mode) (rate(node_cpu_seconds_total[5m]))"])
    time: str | None = Field(None, description="The evaluation time; now by default.")
    timeout: str | None = None
    limit: int | None = Field(
        None, ge=0, le=10**9, description="The largest number of series, 0 for all."
    )
    lookback_delta: str | None = None
    stats: str | None = Field(
        None, description='Any text adds statistics; "all" adds the samples of each step.'
    )


class RangeParameters(QueryParameters):
    """A range query: `start`, `start + step`, … up to `end`, at most 11,000 points."""

    start: str = Field(examples=["2026-11-22T12:00:00Z"])
    end: str = Field(examples=["2026-11-22T13:00:00Z"])
    step: str = Field(examples=["30s"])


class ExpressionParameters(Parameters):
    """A query's text."""

    query: str


class ExemplarParameters(ExpressionParameters):
    """A query's text and a range."""

    start: str | None = None
    end: str | None = None


class SelectorParameters(Parameters):
    """Series selectors; without one, all series match."""

    match: list[str] = Field([], alias="match[]", examples=[["up", '{job="node"}']])


class CatalogueParameters(SelectorParameters):
    """Series selectors, a time range, and the largest number of results."""

    start: str | None = None
    end: str | None = None
    limit: int | None = Field(None, ge=0, le=10**9)


class SeriesParameters(CatalogueParameters):
    """At least one series selector, a time range, and the largest number of results."""

    match: list[str] = Field(alias="match[]", min_length=1, examples=[["up"]])


class FederationParameters(SelectorParameters):
    """Series selectors."""


class MetadataParameters(Parameters):
    """A metric, and the largest numbers of metrics and of entries for each."""

    metric: str | None = None
    limit: int | None = None
    limit_per_metric: int | None = None


class TargetsParameters(Parameters):
    """Filters of targets by state and job."""

    state: str | None = Field(None, examples=["active"])
    scrapePool: str | None = None  # noqa: N815


class TargetMetadataParameters(Parameters):
    """Filters of metadata by target and metric."""

    match_target: str | None = Field(None, examples=['{job="node"}'])
    metric: str | None = None
    limit: int | None = None


class RuleParameters(SelectorParameters):
    """Filters of rules, and a page."""

    type: Literal["alert", "record"] | None = None
    rule_name: list[str] = Field([], alias="rule_name[]")
    rule_group: list[str] = Field([], alias="rule_group[]")
    file: list[str] = Field([], alias="file[]")
    exclude_alerts: Literal["true", "false"] | None = None
    group_limit: int | None = Field(None, ge=1, le=10**9 - 1)
    group_next_token: str | None = None


class StoreParameters(Parameters):
    """The largest number of entries in each list."""

    limit: int | None = Field(None, ge=1, le=10_000)


class DeletionParameters(SelectorParameters):
    """At least one series selector, and a time range."""

    match: list[str] = Field(alias="match[]", min_length=1, examples=[["up"]])
    start: str | None = None
    end: str | None = None


class SnapshotParameters(Parameters):
    """Whether to leave out samples that are not sealed into files yet."""

    skip_head: Literal["true", "false"] | None = None


def prometheus_operation(
    data: Described,
    query: type[Parameters] | None = None,
    errors: Iterable[int] = (),
) -> Operation:
    """Return the operation of a route that returns `data` in Prometheus's envelope."""
    envelope: Any = Success[data]
    return Operation("prometheus", envelope, query=query, errors=tuple(errors))


def get_and_post(path: str, handler: Handler, operation: Operation) -> tuple[Route, Route]:
    """Return the GET and POST routes of an operation; POST takes a form of either encoding."""
    forms = (FORM, MULTIPART)
    posted = replace(operation, query=None, body=operation.query, body_media_types=forms)
    return (
        Route("GET", path, handler, Access.VIEWER, Surface.PROMETHEUS, operation=operation),
        Route("POST", path, handler, Access.VIEWER, Surface.PROMETHEUS, operation=posted),
    )


def only_get(path: str, handler: Handler, operation: Operation) -> Route:
    """Return the GET route of an operation."""
    return Route("GET", path, handler, Access.VIEWER, Surface.PROMETHEUS, operation=operation)
