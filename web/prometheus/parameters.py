"""Parses the parameters of the Prometheus API, with Prometheus's error messages.

Source: Prometheus, web/api/v1/api.go (parseTime, parseDuration and their callers).
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from aiohttp import web
from multidict import MultiDict, MultiDictProxy, MultiMapping

from model.durations import parse_duration_ms
from model.matchers import Matcher
from promql.api import ParseError
from promql.syntax.parser import parse_selector
from web.http.errors import BadRequestError
from web.http.multipart import MULTIPART, multipart_fields
from web.http.parameters import FORM, form_fields, read_body

Parameters = MultiMapping[str]

EARLIEST_MS: Final = -(2**53)
LATEST_MS: Final = 2**53
"""All of time: the range of integers that a double, and so a JSON number, holds exactly."""

_LONGEST_MS: Final = 2**63 / 1e6
"""Go's longest duration, 292 years."""

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_BOOLEANS: Final = {
    **dict.fromkeys(("1", "t", "T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("", "0", "f", "F", "false", "False", "FALSE"), False),
}
# The first and last time of Go's time type; Grafana and Thanos send them.
_ENDS: Final = {
    "-292273086-05-16T16:47:06Z": EARLIEST_MS,
    "292277025-08-18T07:12:54.999999999Z": LATEST_MS,
}


async def read_parameters(request: web.Request) -> Parameters:
    """Return the parameters of the URL and of the form in the body.

    The fields of a URL-encoded form come before the URL's, as in Prometheus, those of a
    multipart form after them.
    """
    merged: MultiDict[str] = MultiDict(request.query)
    if request.method in ("POST", "PUT"):
        body = await read_body(request)
        if request.content_type == FORM:
            merged = MultiDict(form_fields(body))
            merged.extend(request.query)
        elif request.content_type == MULTIPART:
            merged.extend(multipart_fields(body, request.headers["Content-Type"]))
    return MultiDictProxy(merged)


def invalid(name: str, reason: object) -> BadRequestError:
    """Return Prometheus's error for a parameter."""
    return BadRequestError(f'invalid parameter "{name}": {reason}', name)


def parse_time_ms(text: str) -> int:
    """Return a time given in Unix seconds or RFC 3339, as milliseconds.

    Raises:
        ValueError: with Prometheus's message.
    """
    if text in _ENDS:
        return _ENDS[text]
    if _NUMBER.fullmatch(text):
        time_ms = float(text) * 1000
        if abs(time_ms) <= LATEST_MS:
            return round(time_ms)
    elif (match := _RFC3339.fullmatch(text)) is not None:
        time_ms_or_none = _rfc3339_ms(match)
        if time_ms_or_none is not None:
            return time_ms_or_none
    raise ValueError(f'cannot parse "{text}" to a valid timestamp')


def _rfc3339_ms(match: re.Match[str]) -> int | None:
    *calendar, fraction, sign, hours, minutes = match.groups()
    try:
        at = datetime(*map(int, calendar), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        return None
    if sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        # Subtracted as a number: a datetime would overflow on the first and last day.
        offset_ms = round(offset.total_seconds() * 1000) * (1 if sign == "+" else -1)
    else:
        offset_ms = 0
    since_epoch = at - datetime(1970, 1, 1, tzinfo=UTC)
    whole_ms = (since_epoch.days * 86_400 + since_epoch.seconds) * 1000
    return whole_ms - offset_ms + round(float(fraction or 0) * 1000)


def parse_length_ms(text: str) -> int:
    """Return a duration in milliseconds, given in seconds or as PromQL (`1h30m`).

    Raises:
        ValueError: with Prometheus's message.
    """
    if _NUMBER.fullmatch(text):
        length_ms = float(text) * 1000
        if not abs(length_ms) < _LONGEST_MS:
            raise ValueError(f'cannot parse "{text}" to a valid duration. It overflows int64')
        return round(length_ms)
    try:
        length_ms = parse_duration_ms(text)
    except ValueError:
        raise ValueError(f'cannot parse "{text}" to a valid duration') from None
    if length_ms >= _LONGEST_MS:
        raise ValueError(f'cannot parse "{text}" to a valid duration')
    return int(length_ms)


def time_parameter(parameters: Parameters, name: str, default_ms: int | None = None) -> int:
    """Return a time parameter; without a default it is required.

    Raises:
        BadRequestError: it is not a time.
    """
    text = parameters.get(name, "")
    if not text and default_ms is not None:
        return default_ms
    try:
        return parse_time_ms(text)
    except ValueError as exc:
        # Prometheus words the error of an optional time differently.
        place = "" if default_ms is None else f"invalid time value for '{name}': "
        raise invalid(name, f"{place}{exc}") from None


def length_parameter(parameters: Parameters, name: str) -> int | None:
    """Return a duration parameter in milliseconds, None if it is missing.

    Raises:
        BadRequestError: it is not a duration.
    """
    text = parameters.get(name, "")
    if not text:
        return None
    try:
        return parse_length_ms(text)
    except ValueError as exc:
        raise invalid(name, exc) from None


def whole_number(text: str) -> int | None:
    """Return a whole number, None if the text is not one."""
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else None


def boolean(text: str) -> bool | None:
    """Return a truth value as Go reads it, "" as false; None if the text is not one."""
    return _BOOLEANS.get(text)


def limit_parameter(parameters: Parameters) -> int:
    """Return the largest number of results, 0 for all.

    Raises:
        BadRequestError: it is not a whole number, or negative.
    """
    text = parameters.get("limit", "")
    if not text:
        return 0
    limit = whole_number(text)
    if limit is None:
        raise invalid("limit", f'strconv.Atoi: parsing "{text}": invalid syntax')
    if limit < 0:
        raise invalid("limit", "limit must be non-negative")
    return limit


def metadata_limit(parameters: Parameters, name: str = "limit") -> int | None:
    """Return a limit of the metadata endpoints, None for all.

    Unlike other endpoints, they accept 0 as a limit and negative numbers as none.

    Raises:
        BadRequestError: it is not a whole number.
    """
    text = parameters.get(name, "")
    if not text:
        return None
    limit = whole_number(text)
    if limit is None:
        raise BadRequestError(f"{name} must be a number", name)
    return limit if limit >= 0 else None


def selectors_parameter(parameters: Parameters) -> list[Sequence[Matcher]]:
    """Return the matchers of every `match[]`.

    Raises:
        BadRequestError: one is not a selector, or would match every series.
    """
    selectors: list[Sequence[Matcher]] = []
    for text in parameters.getall("match[]", []):
        try:
            matchers = parse_selector(text)
        except (ParseError, ValueError) as exc:
            raise BadRequestError(str(exc), "match[]") from exc
        if all(matcher.matches_empty for matcher in matchers):
            message = "match[] must contain at least one non-empty matcher"
            raise BadRequestError(message, "match[]")
        selectors.append(matchers)
    return selectors


def range_parameters(parameters: Parameters) -> tuple[int, int]:
    """Return `start` and `end` in milliseconds; by default all of time.

    An end before the start is valid: the range is empty.

    Raises:
        BadRequestError: one is not a time.
    """
    return (
        time_parameter(parameters, "start", EARLIEST_MS),
        time_parameter(parameters, "end", LATEST_MS),
    )
