"""Turns tracked requests, as clients send them, into requests of the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from analytics.daily_hashing import DAY_MS, DailyHasher
from analytics.errors import AnalyticsError
from analytics.timestamps import TimestampError, unix_ms_of
from storage.api.requests import NewRequest

LONGEST_TEXT: Final = 500
_METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
_LONGEST_MS: Final = 7 * DAY_MS
_LARGEST_BODY_BYTES: Final = 2**53


class TrackError(AnalyticsError):
    """A tracked request is invalid; `field` names the field."""


@dataclass(frozen=True, slots=True)
class TrackedBatch:
    """The valid requests of a batch, and index, field and reason of the others."""

    requests: Sequence[NewRequest]
    errors: Sequence[tuple[int, str, str]]


class RequestParser:
    """Parses tracked requests.

    A request has `method`, `path` (or `endpoint`), `status_code` and `response_time_ms`; it may
    have `route`, `timestamp`, `request_size`, `response_size`, `consumer` (or `user_id`),
    `ip_address` (or `client_ip`) and `version`. Without a time it ended when it arrived.
    """

    def __init__(self, hasher: DailyHasher | None = None) -> None:
        self._hasher = hasher or DailyHasher()

    def batch(self, items: Sequence[Any], now_ms: int) -> TrackedBatch:
        """Return the valid requests of a batch and the errors of the others."""
        requests: list[NewRequest] = []
        errors: list[tuple[int, str, str]] = []
        for index, item in enumerate(items):
            try:
                requests.append(self.request(item, now_ms))
            except TrackError as exc:
                errors.append((index, exc.field, exc.reason))
        return TrackedBatch(requests, errors)

    def request(self, item: Any, now_ms: int) -> NewRequest:
        """Return one request.

        Raises:
            TrackError: a field is missing or invalid.
        """
        if not isinstance(item, dict):
            raise TrackError("must be an object", "request")
        method = _text(item, "method").upper()
        if method not in _METHODS:
            raise TrackError("must be an HTTP method", "method")
        path = (_text(item, "path", "") or _text(item, "endpoint")).partition("?")[0]
        duration_us = _duration_us(item)
        return NewRequest(
            _time_ms(item, now_ms - duration_us // 1000),
            method,
            _text(item, "route", "") or path,
            path,
            _whole(item, "status_code", 100, 599),
            duration_us,
            _size(item, "request_size"),
            _size(item, "response_size"),
            _text(item, "consumer", "") or _text(item, "user_id", ""),
            self._client(item, now_ms),
            _text(item, "version", ""),
        )

    def _client(self, item: Mapping[str, Any], now_ms: int) -> str:
        """Return the hash of the client's address, "" without one."""
        address = _text(item, "ip_address", "") or _text(item, "client_ip", "")
        return self._hasher.hash(now_ms, address) if address else ""


def _text(item: Mapping[str, Any], field: str, default: str | None = None) -> str:
    value = item.get(field)
    if value is None or value == "":
        if default is None:
            raise TrackError("is missing", field)
        return default
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise TrackError("must be a text", field)
    if len(value) > LONGEST_TEXT:
        raise TrackError(f"is longer than {LONGEST_TEXT} characters", field)
    return value


def _whole(item: Mapping[str, Any], field: str, least: int, greatest: int) -> int:
    value = item.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= greatest:
        raise TrackError(f"must be a whole number from {least} to {greatest}", field)
    return value


def _size(item: Mapping[str, Any], field: str) -> int | None:
    return None if item.get(field) is None else _whole(item, field, 0, _LARGEST_BODY_BYTES)


def _duration_us(item: Mapping[str, Any]) -> int:
    value = item.get("response_time_ms", item.get("response_time"))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TrackError("must be a number of milliseconds", "response_time_ms")
    if not 0 <= value <= _LONGEST_MS:
        raise TrackError("must be from 0 to a week", "response_time_ms")
    return round(value * 1000)


def _time_ms(item: Mapping[str, Any], default_ms: int) -> int:
    value = item.get("timestamp")
    if value is None:
        return default_ms
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    try:
        return unix_ms_of(value)
    except TimestampError as exc:
        raise TrackError(str(exc), "timestamp") from exc
