"""`/api/v1/series`, `/labels`, `/label/…/values` and `/metadata`."""

from itertools import chain
from operator import attrgetter
from typing import Final, TypeVar

from aiohttp import web

from web.http.errors import BadRequestError
from web.http.routing import Route
from web.prometheus.document_types import LabelSet, MetadataEntry
from web.prometheus.encoding import encode_labels
from web.prometheus.envelope import OPENING, TRUNCATED, closing, success, success_of
from web.prometheus.label_names import unescape_name
from web.prometheus.metadata_entries import metadata_entry
from web.prometheus.operations import (
    CatalogueParameters,
    MetadataParameters,
    SeriesParameters,
    get_and_post,
    only_get,
    prometheus_operation,
)
from web.prometheus.parameters import (
    invalid,
    limit_parameter,
    metadata_limit,
    range_parameters,
    read_parameters,
    selectors_parameter,
)
from web.prometheus.streaming import comma_separated, streamed
from web.services import Services

T = TypeVar("T")

_STREAM_FROM_SERIES: Final = 2_000
"""About 2 ms of encoding and 300 KB; longer lists are encoded in a thread and streamed."""


class SeriesApi:
    """Lists series, label names, label values and metric metadata."""

    def __init__(self, services: Services) -> None:
        self._engine = services.engine

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        names = "/api/v1/label/{name:[^/]+}/values"
        texts = prometheus_operation(list[str], CatalogueParameters)
        metadata = dict[str, list[MetadataEntry]]
        return (
            *get_and_post(
                "/api/v1/series",
                self.series,
                prometheus_operation(list[LabelSet], SeriesParameters),
            ),
            *get_and_post("/api/v1/labels", self.label_names, texts),
            only_get(names, self.label_values, texts),
            only_get(
                "/api/v1/metadata",
                self.metadata,
                prometheus_operation(metadata, MetadataParameters),
            ),
        )

    async def series(self, request: web.Request) -> web.StreamResponse:
        """List the label sets of series that match any selector."""
        parameters = await read_parameters(request)
        if "match[]" not in parameters:
            raise BadRequestError("no match[] parameter provided", "match[]")
        limit = limit_parameter(parameters)
        start_ms, end_ms = range_parameters(parameters)
        try:
            selectors = selectors_parameter(parameters)
        except BadRequestError as exc:
            # Prometheus names the parameter in this error only here.
            raise invalid("match[]", exc) from exc
        found = await self._engine.series(selectors, start_ms, end_ms, limit and limit + 1)
        kept, warnings = _cut(found, limit)
        listed = comma_separated(encode_labels(labels) for labels in kept)
        if len(kept) <= _STREAM_FROM_SERIES:
            return success(b"[" + b"".join(listed) + b"]", warnings=warnings)
        body = chain((OPENING + b"[",), listed, (b"]" + closing(None, warnings),))
        return await streamed(request, body, "application/json")

    async def label_names(self, request: web.Request) -> web.Response:
        """List the label names of matching series."""
        parameters = await read_parameters(request)
        limit = limit_parameter(parameters)
        start_ms, end_ms = range_parameters(parameters)
        selectors = selectors_parameter(parameters)
        names = await self._engine.label_names(selectors, start_ms, end_ms, limit and limit + 1)
        return success_of(*_cut(names, limit))

    async def label_values(self, request: web.Request) -> web.Response:
        """List the values of one label of matching series."""
        name = unescape_name(request.match_info["name"])
        if not name:
            raise BadRequestError(f'invalid label name: "{name}"')
        parameters = await read_parameters(request)
        limit = limit_parameter(parameters)
        start_ms, end_ms = range_parameters(parameters)
        selectors = selectors_parameter(parameters)
        values = await self._engine.label_values(
            name, selectors, start_ms, end_ms, limit and limit + 1
        )
        return success_of(*_cut(values, limit))

    async def metadata(self, request: web.Request) -> web.Response:
        """List the metadata of metrics: type, help, unit."""
        parameters = await read_parameters(request)
        limit = metadata_limit(parameters)
        per_metric = metadata_limit(parameters, "limit_per_metric")
        known = await self._engine.metadata(parameters.get("metric", ""))
        answer: dict[str, list[MetadataEntry]] = {}
        for metric, entries in known.items():
            if limit is not None and limit <= len(answer):
                break
            # Sorted, because the order of a set differs between processes.
            kept = sorted(entries, key=attrgetter("type", "help", "unit"))
            if per_metric:
                kept = kept[:per_metric]
            if kept:
                answer[metric] = [metadata_entry(entry) for entry in kept]
        return success_of(answer)


def _cut(found: list[T], limit: int) -> tuple[list[T], tuple[str, ...]]:
    """Return the first `limit` results, and a warning if there are more."""
    return (found[:limit], (TRUNCATED,)) if limit and len(found) > limit else (found, ())
