"""`/api/v1/series`, `/labels`, `/label/{name:[^/]+}/values` and `/metadata`."""

import asyncio
from operator import attrgetter
from typing import Final, TypeVar

from aiohttp import web

from web.errors import BadRequestError
from web.prometheus.encoding import encode_labels
from web.prometheus.envelope import TRUNCATED, success, success_of
from web.prometheus.parameters import (
    invalid,
    limit_parameter,
    range_parameters,
    read_parameters,
    selectors_parameter,
)
from web.routing import Access, Route, Surface
from web.services import Services

T = TypeVar("T")

_ESCAPED: Final = "U__"


class SeriesCatalogue:
    """Tells which series, labels and metrics there are."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return tuple(
            Route(method, path, handler, Access.VIEWER, Surface.PROMETHEUS)
            for methods, path, handler in (
                (("GET", "POST"), "/api/v1/series", self.series),
                (("GET", "POST"), "/api/v1/labels", self.label_names),
                (("GET",), "/api/v1/label/{name:[^/]+}/values", self.label_values),
                (("GET",), "/api/v1/metadata", self.metadata),
            )
            for method in methods
        )

    async def series(self, request: web.Request) -> web.Response:
        """List the label sets that match any selector."""
        parameters = await read_parameters(request)
        if "match[]" not in parameters:
            raise BadRequestError("no match[] parameter provided", "match[]")
        limit = limit_parameter(parameters)
        start_ms, end_ms = range_parameters(parameters)
        selectors = selectors_parameter(parameters, self._services)
        found = await asyncio.to_thread(
            self._services.samples.series, selectors, start_ms, end_ms, limit and limit + 1
        )
        kept, warnings = _cut(found, limit)
        body = b"[" + b",".join(encode_labels(labels) for labels in kept) + b"]"
        return success(body, warnings=warnings)

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
        limit = limit_parameter(parameters)
        per_metric = parameters.get("limit_per_metric", "")
        if per_metric and not (per_metric.isascii() and per_metric.isdigit()):
            raise invalid("limit_per_metric", "must be a number")
        wanted = parameters.get("metric", "")
        everything = self._services.metadata()
        known = {wanted: everything.get(wanted, ())} if wanted else everything
        answer: dict[str, list[dict[str, str]]] = {}
        for metric, entries in known.items():
            if limit and len(answer) == limit:
                break
            # A set elsewhere: sorted, so that the same question has the same answer.
            kept = sorted(entries, key=attrgetter("type", "help", "unit"))
            if per_metric:
                kept = kept[: int(per_metric) or None]
            if kept:
                answer[metric] = [
                    {"type": entry.type, "help": entry.help, "unit": entry.unit} for entry in kept
                ]
        return success_of(answer)


def _cut(found: list[T], limit: int) -> tuple[list[T], tuple[str, ...]]:
    return (found[:limit], (TRUNCATED,)) if limit and len(found) > limit else (found, ())


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
