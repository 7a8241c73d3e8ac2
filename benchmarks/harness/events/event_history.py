"""Made-up product events of eight weeks, the same for every store that is measured.

Events are in the order of their times. Persons join over the weeks, so that there are
cohorts; a few of them cause most events. Names are as frequent as words of a language.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.events.request_load import BodyFile

NAMES: Final = (
    *("page_view", "app_open", "product_view", "search", "add_to_cart", "scroll", "click"),
    *("login_success", "checkout_start", "purchase_success", "logout", "share", "rate", "signup"),
    *("video_play", "video_end", "help_open", "settings_open", "export", "invite"),
)
FUNNEL: Final = ("app_open", "product_view", "add_to_cart", "purchase_success")
SPAN_MS: Final = 56 * 86_400_000

_BLOCK: Final = 50_000
_FIRST_SHARE: Final = 0.2
"""The share of the persons who are there from the beginning."""
_PLANS: Final = ("free", "pro", "team")
_PLATFORMS: Final = ("web", "ios", "android")
_VALUES: Final = 100


@dataclass(frozen=True, slots=True)
class EventBlock:
    """Some events as columns; all of the shape (N,).

    Attributes:
        times: in ISO 8601.
        names: indexes of `NAMES`.
        persons: numbers of persons.
        properties: JSON texts.
        ids: 32 hexadecimal digits each.
    """

    times: Sequence[str]
    names: Sequence[int]
    persons: Sequence[int]
    properties: Sequence[str]
    ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class EventHistory:
    """The events.

    Attributes:
        events, persons: their numbers.
        end_ms: the time after the last event.
        seed: equal seeds give equal events.
    """

    events: int
    persons: int
    end_ms: int
    seed: int = 1

    @property
    def start_ms(self) -> int:
        """The time of the first event, or a little before."""
        return self.end_ms - SPAN_MS

    def blocks(self) -> Iterator[EventBlock]:
        """Yield the events, in order of time."""
        properties = _properties()
        for first in range(0, self.events, _BLOCK):
            yield self._block(first, min(_BLOCK, self.events - first), properties)

    def _block(self, first: int, count: int, properties: NDArray[np.object_]) -> EventBlock:
        rng = np.random.default_rng((self.seed, first))
        progress = (first + np.arange(count) + rng.random(count)) / self.events
        progress.sort()
        times = (self.start_ms + progress * SPAN_MS).astype(np.int64)
        joined = self.persons * (_FIRST_SHARE + (1 - _FIRST_SHARE) * progress)
        persons = (joined * rng.random(count) ** 1.5).astype(np.int64)
        weights = 1 / np.arange(1, len(NAMES) + 1)
        names = rng.choice(len(NAMES), count, p=weights / weights.sum())
        digits = rng.bytes(16 * count).hex()
        return EventBlock(
            np.datetime_as_string(times.astype("datetime64[ms]"), unit="ms").tolist(),
            names.tolist(),
            persons.tolist(),
            properties[rng.integers(0, len(properties), count)].tolist(),
            [digits[at : at + 32] for at in range(0, 32 * count, 32)],
        )

    def write(self, project_key: str, batch: int, bodies: Path, table: Path | None = None) -> None:
        """Write the events as request bodies, and as text for PostgreSQL's COPY.

        Args:
            project_key: the project that the bodies name.
            batch: the number of events of a body.
            bodies: the path of the bodies.
            table: the path of the text.
        """
        with BodyFile.writer(bodies) as add:
            rows = None if table is None else table.open("w", buffering=1 << 20)
            for block in self.blocks():
                events = _json_events(block)
                for at in range(0, len(events), batch):
                    own = ",".join(events[at : at + batch])
                    add(f'{{"projectKey":"{project_key}","events":[{own}]}}'.encode())
                if rows is not None:
                    rows.writelines(_rows(block, project_key))
            if rows is not None:
                rows.close()


def _json_events(block: EventBlock) -> list[str]:
    return [
        f'{{"eventName":"{NAMES[name]}","timestamp":"{time}Z","anonymousId":"user-{person:06}",'
        f'"eventId":"{event_id}","properties":{properties}}}'
        for time, name, person, properties, event_id in zip(
            block.times, block.names, block.persons, block.properties, block.ids, strict=True
        )
    ]


def _rows(block: EventBlock, project_key: str) -> Iterator[str]:
    for time, name, person, properties in zip(
        block.times, block.names, block.persons, block.properties, strict=True
    ):
        yield (
            f"{project_key}\t{NAMES[name]}\t{time}Z\t{time}Z\tuser-{person:06}\t\\N\t{properties}\n"
        )


def _properties() -> NDArray[np.object_]:
    found = [
        json.dumps({"plan": plan, "platform": platform, "value": value / 4}, separators=(",", ":"))
        for plan in _PLANS
        for platform in _PLATFORMS
        for value in range(_VALUES)
    ]
    return np.array(found, np.object_)
