"""Decodes the message `prometheus.ReadRequest`.

Source: prompb/remote.proto and types.proto.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ingest.errors import MalformedMessageError
from ingest.wire import LENGTH, VARINT, Field, fields, repeated_varints, signed
from model.matchers import Matcher, MatchOperator

_OPERATORS: Final = (
    MatchOperator.EQUAL,
    MatchOperator.NOT_EQUAL,
    MatchOperator.MATCHES,
    MatchOperator.NOT_MATCHES,
)
"""By the number of a matcher's type."""

_MOST_QUERIES: Final = 100
_MOST_MATCHERS: Final = 1000


class ResponseType(IntEnum):
    """The format of the response."""

    SAMPLES = 0
    STREAMED_XOR_CHUNKS = 1


@dataclass(frozen=True, slots=True)
class ReadQuery:
    """One selector and a range of time, both ends included."""

    start_ms: int
    end_ms: int
    matchers: tuple[Matcher, ...]


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """The queries of a request, and the format of the response that was negotiated."""

    queries: tuple[ReadQuery, ...]
    response_type: ResponseType


def decode_read_request(data: bytes) -> ReadRequest:
    """Decode a request.

    Raises:
        MalformedMessageError: it is no such message, accepts none of the response types,
            or has too many queries.
    """
    queries: list[ReadQuery] = []
    accepted: list[int] = []
    for field in fields(data, 0, len(data)):
        if field.number == 1:
            field.expect(LENGTH)
            queries.append(_query(data, field))
            if len(queries) > _MOST_QUERIES:
                raise MalformedMessageError(f"the request has more than {_MOST_QUERIES} queries")
        elif field.number == 2:
            accepted += repeated_varints(data, field)
    return ReadRequest(tuple(queries), _negotiated(accepted))


def _negotiated(accepted: list[int]) -> ResponseType:
    """Return the first supported type; the default is SAMPLES."""
    supported = {each.value for each in ResponseType}
    for number in accepted or [ResponseType.SAMPLES]:
        if number in supported:
            return ResponseType(number)
    raise MalformedMessageError("server does not support any of the requested response types")


def _query(data: bytes, message: Field) -> ReadQuery:
    start_ms = end_ms = 0
    matchers = []
    for field in fields(data, message.start, message.stop):
        if field.number in (1, 2):
            field.expect(VARINT)
            if field.number == 1:
                start_ms = signed(field.start)
            else:
                end_ms = signed(field.start)
        elif field.number == 3:
            field.expect(LENGTH)
            matchers.append(_matcher(data, field))
            if len(matchers) > _MOST_MATCHERS:
                raise MalformedMessageError(f"a query has more than {_MOST_MATCHERS} matchers")
    return ReadQuery(start_ms, end_ms, tuple(matchers))


def _matcher(data: bytes, message: Field) -> Matcher:
    kind, texts = 0, {2: "", 3: ""}
    for field in fields(data, message.start, message.stop):
        if field.number == 1:
            field.expect(VARINT)
            kind = field.start
        elif field.number in texts:
            field.expect(LENGTH)
            try:
                texts[field.number] = data[field.start : field.stop].decode()
            except UnicodeDecodeError as exc:
                raise MalformedMessageError("a matcher is not UTF-8") from exc
    if kind >= len(_OPERATORS):
        raise MalformedMessageError("invalid matcher type")
    try:
        return Matcher.of(texts[2], _OPERATORS[kind], texts[3])
    except ValueError as exc:
        raise MalformedMessageError(str(exc)) from exc
