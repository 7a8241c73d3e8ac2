"""Turns the events of a client's batch into events of the store, item by item.

A good item is kept whatever the others are; a bad one is named by its index and field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from secrets import token_hex
from types import NoneType
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from analytics.timestamps import (
    TimestampError,
    unix_ms_of,
    unix_ms_of_each,
    unix_ms_of_texts,
)
from storage.api.new_events import NewEvent, NewEvents

LONGEST_NAME: Final = 200
LONGEST_ID: Final = 512
LARGEST_PROPERTIES_BYTES: Final = 32 * 1024

_OPTIONAL_FIELDS: Final = ("eventId", "timestamp", "userId", "anonymousId", "properties")
_OWN_FIELDS: Final = frozenset({"eventName", *_OPTIONAL_FIELDS})

_MANY: Final = 200
"""Times that are parsed faster as columns. A smaller batch would also load numpy's code into
the caches of a server that mostly does something else, which takes several times as long."""
_PLACEHOLDERS: Final = frozenset(
    {
        *("", "0", "anonymous", "distinct_id", "email", "false", "guest", "id", "nan", "nil"),
        *("none", "not_authenticated", "null", "true", "undefined", "user", "[object object]"),
    }
)


@dataclass(frozen=True, slots=True)
class ItemError:
    """Why one item of a batch was refused."""

    index: int
    field: str
    error: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Two distinct ids of one person, as an event has shown; see `PersonMerge`."""

    alias: str
    distinct_id: str
    is_forced: bool = False

    @property
    def is_placeholder(self) -> bool:
        """Whether one id is a text that faulty clients send for everybody.

        Merging such an id would make all persons of a project one.
        """
        return not {self.alias.strip().lower(), self.distinct_id.strip().lower()}.isdisjoint(
            _PLACEHOLDERS
        )


@dataclass(frozen=True, slots=True)
class ParsedBatch:
    """The valid events of a batch.

    Attributes:
        events: the events.
        indexes: the index of each in the batch.
        errors: the refused items.
        identities: anonymous ids that belong to a user, each once.
    """

    events: NewEvents
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
    parsed = _usual_batch(items, received_ms)
    return _item_by_item(items, received_ms) if parsed is None else parsed


def _usual_batch(items: Sequence[Any], received_ms: int) -> ParsedBatch | None:
    """Return a batch that has nothing unusual, column by column; None for any other batch.

    Column by column takes a third of the time: most SDKs send nothing unusual.
    """
    if not items:
        return None
    try:
        names = [item["eventName"] for item in items]
        ids, stamps, users, anonymous, properties = (
            [item.get(field) for item in items] for field in _OPTIONAL_FIELDS
        )
        fields = sum(map(len, items))
    except (KeyError, TypeError, AttributeError):
        return None
    absent = sum(column.count(None) for column in (ids, stamps, users, anonymous, properties))
    # Further fields become properties; a field that is null counts as one here.
    if fields + absent != len(items) * len(_OWN_FIELDS):
        return None
    persons, identities = _persons(users, anonymous)
    given_ids = [one for one in ids if one is not None] if None in ids else ids
    texts = _properties_texts(properties)
    times_ms = _times_ms(stamps, received_ms)
    if not (
        _are_texts(names, LONGEST_NAME)
        and _are_texts(persons, LONGEST_ID)
        and _are_texts(given_ids, LONGEST_ID)
        and texts is not None
        and times_ms is not None
        and identities is not None
    ):
        return None
    if given_ids is not ids:
        ids = [token_hex(16) if one is None else one for one in ids]
    events = NewEvents(ids, names, times_ms, persons, texts)
    return ParsedBatch(events, range(len(items)), (), identities)


def _persons(
    users: Sequence[Any], anonymous: Sequence[Any]
) -> tuple[Sequence[Any], tuple[Identity, ...] | None]:
    """Return the persons of events, and the identities; None if an id of them is unusual."""
    if users.count(None) == len(users):
        return anonymous, ()
    if not set(map(type, chain(users, anonymous))) <= {str, NoneType}:
        return anonymous, None
    persons = [user or other for user, other in zip(users, anonymous, strict=True)]
    return persons, _identities(users, anonymous)


def _are_texts(values: Sequence[Any], longest: int) -> bool:
    """Return whether all are texts, neither empty nor too long."""
    if not values:
        return True
    if set(map(type, values)) != {str}:
        return False
    lengths = list(map(len, values))
    return min(lengths) > 0 and max(lengths) <= longest


def _identities(users: Sequence[Any], anonymous: Sequence[Any]) -> tuple[Identity, ...] | None:
    """Return the identities that events have shown, None if an id is unusual."""
    pairs = dict.fromkeys(
        (user, other)
        for user, other in zip(users, anonymous, strict=True)
        if user is not None and other is not None
    )
    if not _are_texts([text for pair in pairs for text in pair], LONGEST_ID):
        return None
    found = (_identity(user, other) for user, other in pairs)
    return tuple(identity for identity in found if identity is not None)


def _times_ms(stamps: Sequence[Any], received_ms: int) -> NDArray[np.int64] | None:
    types = set(map(type, stamps))
    if types == {str}:
        return (unix_ms_of_texts if len(stamps) >= _MANY else unix_ms_of_each)(stamps)
    return np.full(len(stamps), received_ms, np.int64) if types == {NoneType} else None


def _properties_texts(properties: Sequence[Any]) -> list[str] | None:
    """Return the JSON texts of properties, None if some are unusual."""
    types = set(map(type, properties))
    if not types <= {dict, NoneType}:
        return None
    if NoneType in types:
        properties = [one or {} for one in properties]
    try:
        encoded = list(map(orjson.dumps, properties))
    except orjson.JSONEncodeError:
        return None
    joined = b"\n".join(encoded)
    if len(joined) > LARGEST_PROPERTIES_BYTES < max(map(len, encoded)):
        return None
    # JSON has no raw line feed: one call decodes all.
    return joined.decode().split("\n")


def _item_by_item(items: Sequence[Any], received_ms: int) -> ParsedBatch:
    """Return the valid events of any batch, and the errors of the others."""
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
    return ParsedBatch(NewEvents.of(events), indexes, errors, tuple(identities))


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
    return event, _identity(user, anonymous)


def _identity(user: str | None, anonymous: str | None) -> Identity | None:
    """Return the identity that an event with these ids shows."""
    if not user or not anonymous or user == anonymous:
        return None
    identity = Identity(anonymous, user)
    return None if identity.is_placeholder else identity


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
    try:
        encoded = orjson.dumps(properties)
    except orjson.JSONEncodeError as exc:
        # JSON may be nested four times deeper where it is read than where it is written.
        raise _FieldError("properties", "are nested too deeply") from exc
    if len(encoded) > LARGEST_PROPERTIES_BYTES:
        raise _FieldError("properties", f"are larger than {LARGEST_PROPERTIES_BYTES} bytes")
    return encoded.decode()
