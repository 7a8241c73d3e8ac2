"""Turns the events of a client's batch into events of the store, item by item.

A good item is kept whatever the others are; a bad one is named by its index and field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final

import orjson

from analytics.timestamps import TimestampError, unix_ms_of
from storage.api.events import NewEvent

LONGEST_NAME: Final = 200
LONGEST_ID: Final = 512
LARGEST_PROPERTIES_BYTES: Final = 32 * 1024

_OWN_FIELDS: Final = frozenset(
    {"eventId", "eventName", "timestamp", "userId", "anonymousId", "properties"}
)


@dataclass(frozen=True, slots=True)
class ItemError:
    """Why one item of a batch was refused."""

    index: int
    field: str
    error: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Two distinct ids of one person, as an event has shown."""

    alias: str
    distinct_id: str


@dataclass(frozen=True, slots=True)
class ParsedBatch:
    """The valid events of a batch.

    Attributes:
        events: the events.
        indexes: the index of each in the batch.
        errors: the refused items.
        identities: anonymous ids that belong to a user, each once.
    """

    events: Sequence[NewEvent]
    indexes: Sequence[int]
    errors: Sequence[ItemError]
    identities: Sequence[Identity]


class _FieldError(Exception):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def parse_batch(items: Sequence[Any], received_ms: int) -> ParsedBatch:
    """Return the events of a batch in the form of apptracker's API.

    An item has `eventName`, `anonymousId` or `userId`, and may have `timestamp`,
    `properties` and `eventId`. Further fields become properties. An event without a
    timestamp happened when it was received. An event without an id is never recognised as
    repeated.

    Args:
        items: the decoded items.
        received_ms: when they were received.
    """
    events: list[NewEvent] = []
    indexes: list[int] = []
    errors: list[ItemError] = []
    identities: dict[Identity, None] = {}
    for index, item in enumerate(items):
        try:
            event, identity = _event(item, received_ms)
        except _FieldError as exc:
            errors.append(ItemError(index, exc.field, str(exc)))
            continue
        events.append(event)
        indexes.append(index)
        if identity is not None:
            identities[identity] = None
    return ParsedBatch(events, indexes, errors, tuple(identities))


def _event(item: Any, received_ms: int) -> tuple[NewEvent, Identity | None]:
    if not isinstance(item, dict):
        raise _FieldError("event", "must be an object")
    name = _text(item, "eventName", LONGEST_NAME)
    if name is None:
        raise _FieldError("eventName", "is missing")
    user, anonymous = _text(item, "userId", LONGEST_ID), _text(item, "anonymousId", LONGEST_ID)
    distinct_id = user or anonymous
    if distinct_id is None:
        raise _FieldError("anonymousId", "is missing, and so is userId")
    event = NewEvent(
        _text(item, "eventId", LONGEST_ID) or token_hex(16),
        name,
        _time_ms(item, received_ms),
        distinct_id,
        _properties(item),
    )
    identity = Identity(anonymous, user) if user and anonymous and user != anonymous else None
    return event, identity


def _text(item: Mapping[str, Any], field: str, longest: int) -> str | None:
    """Return a text field; None if it is missing, null or empty."""
    value = item.get(field)
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise _FieldError(field, "must be a text")
    if len(value) > longest:
        raise _FieldError(field, f"is longer than {longest} characters")
    return value


def _time_ms(item: Mapping[str, Any], received_ms: int) -> int:
    value = item.get("timestamp")
    if value is None:
        return received_ms
    try:
        return unix_ms_of(value)
    except TimestampError as exc:
        raise _FieldError("timestamp", str(exc)) from exc


def _properties(item: Mapping[str, Any]) -> str:
    properties = item.get("properties")
    if properties is None:
        properties = {}
    if not isinstance(properties, dict):
        raise _FieldError("properties", "must be an object")
    if len(item) > len(_OWN_FIELDS & item.keys()):
        further = {key: value for key, value in item.items() if key not in _OWN_FIELDS}
        properties = further | properties
    if not properties:
        return "{}"
    encoded = orjson.dumps(properties)
    if len(encoded) > LARGEST_PROPERTIES_BYTES:
        raise _FieldError("properties", f"are larger than {LARGEST_PROPERTIES_BYTES} bytes")
    return encoded.decode()
