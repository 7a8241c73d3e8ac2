"""The answers of api-analytics-service's paths."""

import math

from typing_extensions import TypedDict

from analytics.requests.keys import IssuedProjectKey
from analytics.requests.latency import bounds_us, merged_bins
from analytics.requests.reports import QUANTILES, Summary
from analytics.statistics.calendar import Buckets
from storage.api.project_keys import ProjectKey
from storage.api.projects import Project
from storage.api.requests import (
    ConsumerFigures,
    LatencyCounts,
    PropertyFigures,
    RequestSeries,
    RouteFigures,
    StoredRequest,
)
from web.projects.times import iso


class TenantProjectDocument(TypedDict):
    """A project; `project_key` names it in paths."""

    id: int
    project_key: str
    name: str
    time_zone: str
    week_start: int
    is_active: bool
    created_at: str


class ApiKeyDocument(TypedDict):
    """A key without its secret; `prefix` is its visible beginning."""

    id: int
    name: str
    prefix: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    last_used_at: str | None


class NewApiKeyDocument(ApiKeyDocument):
    """A new key; `api_key`, the secret, is returned only once."""

    api_key: str


class TrackedDocument(TypedDict):
    """Whether a request was stored."""

    status: str
    tracked: int


class TrackErrorDocument(TypedDict):
    """A refused request of a batch."""

    index: int
    field: str
    error: str


class TrackedBatchDocument(TrackedDocument):
    """How many requests were stored, and which were refused."""

    errors: list[TrackErrorDocument]


class CleanedDocument(TypedDict):
    """How many requests were deleted."""

    deleted: int


class SummaryFiguresDocument(TypedDict):
    """The figures of a range; times in milliseconds, null without a request.

    `error_rate_low` and `error_rate_high` are the 95 % interval of the error rate by Wilson.
    """

    total_requests: int
    client_errors: int
    server_errors: int
    error_rate: float | None
    error_rate_low: float | None
    error_rate_high: float | None
    avg_response_time_ms: float | None
    p50_response_time_ms: float | None
    p75_response_time_ms: float | None
    p95_response_time_ms: float | None
    p99_response_time_ms: float | None
    apdex: float | None
    requests_per_minute: float


class SummaryDocument(SummaryFiguresDocument):
    """The figures of a range; `previous`, those of the range before, is null unless compared.

    A range that is not over is compared with an equal part of the range before.
    """

    previous: SummaryFiguresDocument | None


class SeriesPointDocument(TypedDict):
    """The figures of one bucket; `complete` is false while it has not ended."""

    timestamp: str
    complete: bool
    requests: int
    client_errors: int
    server_errors: int
    avg_response_time_ms: float | None
    p50_response_time_ms: float | None
    p95_response_time_ms: float | None
    p99_response_time_ms: float | None


class SeriesDocument(TypedDict):
    """Figures by time."""

    interval: str
    time_zone: str
    data: list[SeriesPointDocument]


class LatencyBinDocument(TypedDict):
    """One bin: response times above `above_ms` and up to `up_to_ms`."""

    above_ms: float
    up_to_ms: float


class LatencyPointDocument(TypedDict):
    """One bucket of time: the requests of each bin."""

    timestamp: str
    counts: list[int]


class LatencyDocument(TypedDict):
    """Requests by response time, `histogram`, and by time and response time, `data`.

    The bounds of the bins are powers of the same root of two in every answer, so that counts of
    ranges and projects may be added. All bins without a request beyond the outermost are left out.
    """

    interval: str
    time_zone: str
    bins: list[LatencyBinDocument]
    histogram: list[int]
    data: list[LatencyPointDocument]


class BreakdownDocument(TypedDict):
    """The figures of one status, method or version; "" stands for requests without one."""

    value: str
    requests: int
    client_errors: int
    server_errors: int
    p50_response_time_ms: float
    p95_response_time_ms: float


class RouteDocument(TypedDict):
    """The figures of one route and method."""

    method: str
    route: str
    requests: int
    client_errors: int
    server_errors: int
    avg_response_time_ms: float
    p50_response_time_ms: float
    p95_response_time_ms: float
    p99_response_time_ms: float


class ConsumerDocument(TypedDict):
    """The figures of one consumer; "" stands for requests without one."""

    consumer: str
    requests: int
    errors: int
    last_seen: str


class LoggedRequestDocument(TypedDict):
    """One request; `client` is a keyed hash that changes every day."""

    timestamp: str
    method: str
    route: str
    path: str
    status_code: int
    response_time_ms: float
    request_size: int | None
    response_size: int | None
    consumer: str
    client: str
    version: str


class LogDocument(TypedDict):
    """A page of requests, the newest first; `cursor` is null on the last one."""

    requests: list[LoggedRequestDocument]
    cursor: str | None


def _optional_iso(time_ms: int | None) -> str | None:
    return None if time_ms is None else iso(time_ms)


def _ms(duration_us: float) -> float | None:
    return None if math.isnan(duration_us) else duration_us / 1000


def tenant_project_document(project: Project) -> TenantProjectDocument:
    """Return a project."""
    return TenantProjectDocument(
        id=project.id,
        project_key=project.key,
        name=project.settings.name,
        time_zone=project.settings.time_zone,
        week_start=project.settings.week_start,
        is_active=project.settings.is_active,
        created_at=iso(project.created_ms),
    )


def api_key_document(key: ProjectKey) -> ApiKeyDocument:
    """Return a key without its secret."""
    return ApiKeyDocument(
        id=key.id,
        name=key.label,
        prefix=key.prefix,
        scopes=sorted(key.scopes),
        created_at=iso(key.created_ms),
        expires_at=_optional_iso(key.expires_ms),
        last_used_at=_optional_iso(key.last_used_ms),
    )


def new_api_key_document(issued: IssuedProjectKey) -> NewApiKeyDocument:
    """Return a new key with its secret."""
    return NewApiKeyDocument(api_key=issued.secret, **api_key_document(issued.key))


def summary_document(summary: Summary, previous: Summary | None) -> SummaryDocument:
    """Return the figures of a range, and those of the range before if they are compared."""
    before = None if previous is None else _summary_figures(previous)
    return SummaryDocument(**_summary_figures(summary), previous=before)


def _summary_figures(summary: Summary) -> SummaryFiguresDocument:
    figures, rate = summary.figures, summary.error_rate
    p50, p75, p95, p99 = (_ms(figures.percentiles_us[quantile]) for quantile in QUANTILES)
    return SummaryFiguresDocument(
        total_requests=figures.requests,
        client_errors=figures.client_errors,
        server_errors=figures.server_errors,
        error_rate=rate.rate,
        error_rate_low=rate.low,
        error_rate_high=rate.high,
        avg_response_time_ms=_ms(figures.mean_us),
        p50_response_time_ms=p50,
        p75_response_time_ms=p75,
        p95_response_time_ms=p95,
        p99_response_time_ms=p99,
        apdex=summary.apdex,
        requests_per_minute=summary.per_minute,
    )


def series_points(parts: Buckets, series: RequestSeries, now_ms: int) -> list[SeriesPointDocument]:
    """Return one point for each bucket."""
    edges = parts.edges_ms.tolist()
    return [
        SeriesPointDocument(
            timestamp=iso(start_ms),
            complete=end_ms <= now_ms,
            requests=requests,
            client_errors=client,
            server_errors=server,
            avg_response_time_ms=_ms(mean),
            p50_response_time_ms=_ms(p50),
            p95_response_time_ms=_ms(p95),
            p99_response_time_ms=_ms(p99),
        )
        for start_ms, end_ms, requests, client, server, mean, p50, p95, p99 in zip(
            edges,
            edges[1:],
            series.requests.tolist(),
            series.client_errors.tolist(),
            series.server_errors.tolist(),
            series.mean_us.tolist(),
            series.p50_us.tolist(),
            series.p95_us.tolist(),
            series.p99_us.tolist(),
            strict=False,
        )
    ]


def latency_document(
    parts: Buckets, found: LatencyCounts, interval: str, time_zone: str, bins_per_doubling: int
) -> LatencyDocument:
    """Return a histogram and a heat map with so many bins for each doubling."""
    numbers, counts = merged_bins(found, bins_per_doubling)
    bounds = [bounds_us(number, bins_per_doubling) for number in numbers]
    return LatencyDocument(
        interval=interval,
        time_zone=time_zone,
        bins=[
            LatencyBinDocument(above_ms=low / 1000, up_to_ms=high / 1000) for low, high in bounds
        ],
        histogram=counts.sum(axis=0).tolist(),
        data=[
            LatencyPointDocument(timestamp=iso(start_ms), counts=row)
            for start_ms, row in zip(parts.edges_ms.tolist(), counts.tolist(), strict=False)
        ],
    )


def breakdown_document(found: PropertyFigures) -> BreakdownDocument:
    """Return the figures of one status, method or version."""
    return BreakdownDocument(
        value=found.value,
        requests=found.requests,
        client_errors=found.client_errors,
        server_errors=found.server_errors,
        p50_response_time_ms=found.p50_us / 1000,
        p95_response_time_ms=found.p95_us / 1000,
    )


def route_document(route: RouteFigures) -> RouteDocument:
    """Return the figures of a route."""
    return RouteDocument(
        method=route.method,
        route=route.route,
        requests=route.requests,
        client_errors=route.client_errors,
        server_errors=route.server_errors,
        avg_response_time_ms=route.mean_us / 1000,
        p50_response_time_ms=route.p50_us / 1000,
        p95_response_time_ms=route.p95_us / 1000,
        p99_response_time_ms=route.p99_us / 1000,
    )


def consumer_document(found: ConsumerFigures) -> ConsumerDocument:
    """Return the figures of a consumer."""
    return ConsumerDocument(
        consumer=found.consumer,
        requests=found.requests,
        errors=found.errors,
        last_seen=iso(found.last_ms),
    )


def logged_request_document(stored: StoredRequest) -> LoggedRequestDocument:
    """Return one request of the log."""
    one = stored.request
    return LoggedRequestDocument(
        timestamp=iso(one.time_ms),
        method=one.method,
        route=one.route,
        path=one.path,
        status_code=one.status,
        response_time_ms=one.duration_us / 1000,
        request_size=one.request_bytes,
        response_size=one.response_bytes,
        consumer=one.consumer,
        client=one.client,
        version=one.version,
    )
