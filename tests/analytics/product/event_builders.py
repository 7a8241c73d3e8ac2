"""A project with events in a real store, and the same events in a list."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from storage.api.events import EventSelection
from storage.api.new_events import NewEvent
from storage.api.projects import Project, ProjectSettings
from storage.events import DuckEventStore

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Happened:
    """An event as a test writes it."""

    person: str
    name: str
    time_ms: int
    properties: Mapping[str, Any]


@asynccontextmanager
async def opened_events(folder: Path) -> AsyncIterator[DuckEventStore]:
    store = DuckEventStore(folder / "events.duckdb")
    yield store
    await asyncio.to_thread(store.close)


async def project_with(
    store: DuckEventStore, events: Sequence[Happened], zone: str = "UTC", week_start: int = 1
) -> Project:
    """Return a project of its own with these events, which arrive in this order."""
    number = next(_NUMBERS)
    rows = [
        NewEvent(
            f"{number}-{index}",
            each.name,
            each.time_ms,
            each.person,
            orjson.dumps(each.properties).decode(),
        )
        for index, each in enumerate(events)
    ]
    if rows:
        await store.append(number, rows, max(row.time_ms for row in rows))
    return Project(number, f"key{number}", 0, ProjectSettings("Shop", zone, week_start))


def within(project: Project, start_ms: int, end_ms: int, **changes: Any) -> EventSelection:
    return EventSelection(project.id, start_ms, end_ms, **changes)
