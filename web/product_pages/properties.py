"""The properties of an event as text for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from storage.api.events import StoredEvent

_LONGEST_VALUE: Final = 300
_LONGEST_NAME: Final = 100
_MOST: Final = 60


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """An event with its properties as names and short texts; `more` were left out."""

    event: StoredEvent
    properties: Sequence[tuple[str, str]]
    more: int


def shown_event(event: StoredEvent) -> ShownEvent:
    """Return an event for a table."""
    try:
        found = orjson.loads(event.properties)
    except orjson.JSONDecodeError:
        # An import may hold what no ingestion would accept.
        return ShownEvent(event, [("", shortened(event.properties, _LONGEST_VALUE))], 0)
    pairs = list(found.items()) if isinstance(found, dict) else [("", found)]
    return ShownEvent(
        event,
        [(shortened(str(name), _LONGEST_NAME), value_text(value)) for name, value in pairs[:_MOST]],
        max(0, len(pairs) - _MOST),
    )


def value_text(value: object) -> str:
    """Return a property's value: texts as they are, everything else as JSON."""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return shortened(text, _LONGEST_VALUE)


def shortened(text: str, longest: int) -> str:
    """Return a text with a mark where it was cut."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text):,} characters)"
