"""`/api/v1/series`, `/labels`, `/label/{name:[^/]+}/values` and `/metadata`."""

import asyncio
import re
from itertools import chain
from operator import attrgetter
from typing import Final, TypeVar

from aiohttp import web

from web.http.errors import BadRequestError
from web.http.routing import Route
from web.prometheus.document_types import LabelSet, MetadataEntry
from web.prometheus.encoding import encode_labels
from web.prometheus.envelope import OPENING, TRUNCATED, closing, success, success_of
from web.prometheus.operations import (
    CatalogueParameters,
    MetadataParameters,
    SeriesParameters,
    get_and_post,
    only_get,
    prometheus_operation,
)
from web.prometheus.parameters import (
    Parameters,
    invalid,
    limit_parameter,
    range_parameters,
    read_parameters,
    selectors_parameter,
)
from web.prometheus.streaming import comma_separated, streamed
from web.services import Services

T = TypeVar("T")

_ESCAPED: Final = "U__"

_STREAM_FROM_SERIES: Final = 2_000
"""About 2 ms of encoding and 300 KB; more are written in a thread and sent piece by piece."""


class SeriesCatalogue:
    """Tells which series, labels and metrics there are."""

    def __init__(self, services: Services) -> None:
        self._services = services

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
        """List the label sets that match any selector."""
        parameters = await read_parameters(request)
        if "match[]" not in parameters:
            raise BadRequestError("no match[] parameter provided", "match[]")
        limit = limit_parameter(parameters)
        start_ms, end_ms = range_parameters(parameters)
        try:
            selectors = selectors_parameter(parameters, self._services)
        except BadRequestError as exc:
            # Only here does Prometheus name the parameter, too.
            raise invalid("match[]", exc) from exc
        found = await asyncio.to_thread(
            self._services.samples.series, selectors, start_ms, end_ms, limit and limit + 1
        )
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
        selectors = selectors_parameter(parameters, self._services)
        names = await asyncio.to_thread(
            self._services.samples.label_names, selectors, start_ms, end_ms, limit and limit + 1
        )
        return success_of(*_cut(names, limit))

    async def label_values(self, request: web.Request) -> web.Response:
        """List one label's values among matching series."""
        name = unescape_name(request.match_info["name"])
        if not name:
            raise BadRequestError(f'invalid label name: "{name}"')
        parameters = await read_parameters(request)
        limit = limit_parameter(parameters)
        start_ms, end_ms = range_parameters(parameters)
        selectors = selectors_parameter(parameters, self._services)
        values = await asyncio.to_thread(
            self._services.samples.label_values,
            name,
            selectors,
            start_ms,
            end_ms,
            limit and limit + 1,
        )
        return success_of(*_cut(values, limit))

    async def metadata(self, request: web.Request) -> web.Response:
        """List what targets say of their metrics: type, help, unit."""
        parameters = await read_parameters(request)
        limit = _number(parameters, "limit")
        per_metric = _number(parameters, "limit_per_metric")
        wanted = parameters.get("metric", "")
        everything = self._services.metadata()
        known = {wanted: everything.get(wanted, ())} if wanted else everything
        answer: dict[str, list[dict[str, str]]] = {}
        for metric, entries in known.items():
            if limit is not None and 0 <= limit <= len(answer):
                break
            # A set elsewhere: sorted, so that the same question has the same answer.
            kept = sorted(entries, key=attrgetter("type", "help", "unit"))
            if per_metric is not None and per_metric > 0:
                kept = kept[:per_metric]
            if kept:
                answer[metric] = [
                    {"type": entry.type, "help": entry.help, "unit": entry.unit} for entry in kept
                ]
        return success_of(answer)


def _cut(found: list[T], limit: int) -> tuple[list[T], tuple[str, ...]]:
    return (found[:limit], (TRUNCATED,)) if limit and len(found) > limit else (found, ())


def _number(parameters: Parameters, name: str) -> int | None:
    """Return a whole number, None where it is missing; below 0 is no limit."""
    text = parameters.get(name, "")
    if not text:
        return None
    if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        raise BadRequestError(f"{name} must be a number", name)
    return int(text)


def unescape_name(name: str) -> str:
    """Return a label name from Prometheus's escaped form, `U__a_2e_b` for `a.b`.

    Source: Prometheus, "UTF-8 support": values escaping; a name that is not validly
    escaped is taken as it is.
    """
    if not name.startswith(_ESCAPED):
        return name
    result: list[str] = []
    rest = name[len(_ESCAPED) :]
    while rest:
        before, mark, rest = rest.partition("_")
        result.append(before)
        if not mark:
            break
        if rest.startswith("_"):
            result.append("_")
            rest = rest[1:]
            continue
        digits, mark, rest = rest.partition("_")
        try:
            code = int(digits, 16)
            result.append(chr(code))
        except (ValueError, OverflowError):
            return name
        if not mark or len(digits) > 6 or 0xD800 <= code < 0xE000:
            return name
    return "".join(result)
