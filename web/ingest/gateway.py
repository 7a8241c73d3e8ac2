"""`/metrics/job/...`: the HTTP API of Pushgateway.

Source: Pushgateway's README, "API", and its handler/push.go.
"""

import base64
import binascii
import re
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import web

from ingest.errors import PushError, PushLimitError
from ingest.gateway.families import GroupKey
from ingest.gateway.gateway import PushGateway
from ingest.gateway.metric_group import FAILURE_TIME, PUSH_TIME, MetricGroup
from model.labels import METRIC_NAME, Labels
from scraper.exposition.formats import ExpositionFormat
from web.http.bodies import read_body
from web.http.errors import BadRequestError, UnsupportedMediaTypeError
from web.http.operations import Operation
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface

_PATHS: Final = (
    "/metrics/job/{job:[^/]*}{labels:.*}",
    "/metrics/job@base64/{job:[^/]*}{labels:.*}",
)
_LABEL_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_BASE64: Final = "@base64"
_BODY_BYTES: Final = 16 * 2**20
_OPENMETRICS: Final = "application/openmetrics-text"


class GatewayApi:
    """Receives, lists and deletes groups of metrics."""

    def __init__(self, gateway: PushGateway) -> None:
        self._gateway = gateway

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        pushing = Operation(
            tag="push",
            body=str,
            body_media_types=("text/plain", _OPENMETRICS),
            errors=(HTTPStatus.UNSUPPORTED_MEDIA_TYPE,),
        )
        deleting = Operation(
            tag="push", status=HTTPStatus.ACCEPTED, errors=(HTTPStatus.BAD_REQUEST,)
        )
        listing = Operation(tag="push", response=dict[str, Any])
        return (
            *(
                Route(
                    method,
                    path,
                    handler,
                    Access.PUSH,
                    Surface.PROMETHEUS,
                    operation=operation,
                    body_limit_bytes=_BODY_BYTES,
                )
                for path in _PATHS
                for method, handler, operation in (
                    ("PUT", self.replace, pushing),
                    ("POST", self.merge, pushing),
                    ("DELETE", self.delete, deleting),
                )
            ),
            Route(
                "GET",
                "/api/v1/metrics",
                self.groups,
                Access.VIEWER,
                Surface.PROMETHEUS,
                operation=listing,
            ),
        )

    async def replace(self, request: web.Request) -> web.Response:
        """Replace a group by the metrics in the body."""
        return await self._push(request, whole=True)

    async def merge(self, request: web.Request) -> web.Response:
        """Replace the metrics of a group that occur in the body; the others stay."""
        return await self._push(request, whole=False)

    async def _push(self, request: web.Request, *, whole: bool) -> web.Response:
        key = group_key(request.rel_url.raw_path)
        body = await read_body(request)
        try:
            await self._gateway.push(key, body, _format(request), whole=whole)
        except PushLimitError:
            raise
        except PushError as exc:
            raise BadRequestError(f"pushed metrics are invalid or inconsistent: {exc}") from exc
        return web.Response()

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a group and end its series."""
        await self._gateway.delete(group_key(request.rel_url.raw_path))
        return web.Response(status=HTTPStatus.ACCEPTED)

    async def groups(self, request: web.Request) -> web.Response:
        """List the groups with their metrics."""
        data = [_document(group) for group in self._gateway.groups]
        return json_response({"status": "success", "data": data})


def _format(request: web.Request) -> ExpositionFormat:
    if request.content_type == _OPENMETRICS:
        return ExpositionFormat.OPENMETRICS
    if "protobuf" in request.content_type:
        raise UnsupportedMediaTypeError("push text/plain or application/openmetrics-text")
    # Clients send text under many content types; curl sends it as a form.
    return ExpositionFormat.TEXT


def group_key(raw_path: str) -> GroupKey:
    """Return the group that a percent-encoded path names.

    Raises:
        BadRequestError: the path names no group.
    """
    parts = raw_path.removeprefix("/metrics/").split("/")
    if len(parts) > 2 and not parts[-1]:
        parts.pop()
    if len(parts) % 2:
        raise BadRequestError(f"odd number of components in label string {raw_path!r}")
    labels: dict[str, str] = {}
    for raw_name, raw_value in zip(parts[::2], parts[1::2], strict=True):
        name, value = unquote(raw_name), unquote(raw_value)
        if name.endswith(_BASE64):
            name, value = name.removesuffix(_BASE64), _decoded(value)
        if not _LABEL_NAME.fullmatch(name) or name.startswith("__"):
            raise BadRequestError(f"improper label name {name!r}")
        labels.setdefault(name, value)
    if not labels["job"]:
        raise BadRequestError("job name is required")
    return tuple(sorted(labels.items()))


def _decoded(value: str) -> str:
    """Decode text from URL-safe base64, padded or not."""
    padded = value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4)
    try:
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as exc:
        raise BadRequestError(f"{value!r} is not base64: {exc}") from exc


def _shown(series: Labels, family: str) -> dict[str, str]:
    """Return the labels of a series, without its name if that is the family's."""
    return {name: value for name, value in series if (name, value) != (METRIC_NAME, family)}


def _document(group: MetricGroup) -> dict[str, Any]:
    """Return a group in the form of Pushgateway's query API."""
    labels = dict(group.key)
    own = {
        PUSH_TIME: (
            group.pushed_ms,
            "Last Unix time when changing this group succeeded.",
        ),
        FAILURE_TIME: (
            group.failed_ms,
            "Last Unix time when changing this group failed.",
        ),
    }
    families = {
        name: {
            "type": (family.type or "untyped").upper(),
            "help": family.help,
            "metrics": [
                {"labels": _shown(series, name) | labels, "value": repr(value)}
                for series, value in family.samples.items()
            ],
        }
        for name, family in group.families.items()
    }
    for name, (time_ms, text) in own.items():
        families[name] = {
            "type": "GAUGE",
            "help": text,
            "metrics": [{"labels": labels, "value": repr(time_ms / 1000)}],
        }
    return {
        "labels": labels,
        "last_push_successful": group.pushed_ms >= group.failed_ms,
        **families,
    }
