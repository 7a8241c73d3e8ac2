"""The body of `POST /api/v1/track/batch`."""

import gzip
import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from redshank_middleware.masking import SecretMask
from redshank_middleware.observed_request import ObservedRequest
from redshank_middleware.route_templates import route_of

_LONGEST_TEXT: Final = 500
"""The server refuses longer texts."""


class EncodedBatch(NamedTuple):
    """A body, compressed with gzip, and the number of its requests."""

    body: bytes
    size: int


class BatchEncoder:
    """Encodes requests; runs on the reporter's thread, away from the requests themselves."""

    def __init__(self, mask: SecretMask, version: str) -> None:
        self._mask, self._version = mask, version[:_LONGEST_TEXT]

    def batch(self, requests: Sequence[ObservedRequest], batch_id: str) -> EncodedBatch:
        """Return the body of the requests that can be encoded."""
        items = [item for item in map(self._encodable, requests) if item is not None]
        text = json.dumps({"batch_id": batch_id, "requests": items}, separators=(",", ":"))
        return EncodedBatch(gzip.compress(text.encode("ascii"), compresslevel=1), len(items))

    def _encodable(self, one: ObservedRequest) -> "dict[str, Any] | None":
        try:
            return self._item(one)
        except (TypeError, ValueError, AttributeError):
            # A framework of another release left something else where its template was.
            return None

    def _item(self, one: ObservedRequest) -> dict[str, Any]:
        path = _path(one.path)
        route = route_of(path, one.route, one.parameters, one.status)
        item: dict[str, Any] = {
            "timestamp": round(one.time_s * 1000),
            "method": one.method,
            "path": self._mask.path(path, one.parameters)[:_LONGEST_TEXT] or "/",
            "route": self._mask.text(route)[:_LONGEST_TEXT] or "/",
            "status_code": min(max(one.status, 100), 599),
            "response_time_ms": max(one.duration_ns, 0) / 1e6,
        }
        optional = {
            "request_size": one.request_bytes,
            "response_size": one.response_bytes,
            "consumer": self._mask.text(one.consumer)[:_LONGEST_TEXT] or None,
            "ip_address": one.client[:_LONGEST_TEXT] or None,
            "version": self._version or None,
        }
        item.update((name, value) for name, value in optional.items() if value is not None)
        return item


def _path(path: str) -> str:
    """Return a path without query string and host, in valid UTF-8."""
    path = path.partition("?")[0].partition("#")[0]
    if "://" in path[:16]:
        # An absolute form, as proxies send it; it may contain a password.
        path = "/" + path.partition("://")[2].partition("/")[2]
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
