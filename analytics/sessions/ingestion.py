"""Takes records in: prices them, removes what may not be stored, and stores them."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from analytics.errors import AnalyticsError
from analytics.series.session_counters import SessionCounters
from analytics.sessions.price_list import PriceList
from analytics.sessions.settings import SessionSettings
from model.clock import Clock
from storage.api.agent_sessions.records import (
    AgentAction,
    AgentAppendResult,
    AgentRecords,
    AgentRequest,
)
from storage.api.agent_sessions.store import AgentSessionStore

if TYPE_CHECKING:
    from analytics.sessions.traces.formats import TraceFormat
    from analytics.sessions.traces.reader import TraceSource

_Record = TypeVar("_Record", AgentRequest, AgentAction)

_MOST_RECORDS = 20_000
"""Records that are stored in one commit."""


class TraceError(AnalyticsError):
    """A trace cannot be read."""


@dataclass(frozen=True, slots=True)
class IngestedTrace:
    """The outcome of a trace.

    Attributes:
        trace_format: the format that was read.
        requests, actions: the numbers of records in it.
        stored, updated, duplicates: see `AgentAppendResult`.
    """

    trace_format: "TraceFormat"
    requests: int
    actions: int
    stored: int
    updated: int
    duplicates: int


class SessionIngestion:
    """Stores what agents report, from traces and from events."""

    def __init__(
        self,
        store: AgentSessionStore,
        prices: PriceList,
        settings: SessionSettings,
        counters: SessionCounters,
        clock: Clock,
    ) -> None:
        self._store, self._prices, self._settings = store, prices, settings
        self._counters, self._clock = counters, clock
        self._subscribers: set[Callable[[Sequence[str]], None]] = set()

    def subscribe(self, subscriber: Callable[[Sequence[str]], None]) -> Callable[[], None]:
        """Call `subscriber` with the ids of changed sessions; return a function that stops it."""
        self._subscribers.add(subscriber)
        return lambda: self._subscribers.discard(subscriber)

    async def ingest(
        self, body: bytes, source: "TraceSource", trace_format: "TraceFormat | None" = None
    ) -> IngestedTrace:
        """Store a trace file; the answer comes when it is on disk.

        Raises:
            TraceError: its format is not recognised.
            StorageError: a part of it was not stored.
        """
        source = replace(source, keeps_content=self._settings.content)
        found, records = await asyncio.to_thread(_read, body, source, trace_format)
        result = await self.append(records)
        return IngestedTrace(
            found,
            len(records.requests),
            len(records.actions),
            result.stored,
            result.updated,
            result.duplicates,
        )

    async def append(self, records: AgentRecords) -> AgentAppendResult:
        """Store records; see `AgentSessionStore.append_records`."""
        table = await self._prices.table()
        names = await self._pseudonyms(records)
        stored = updated = duplicates = 0
        sessions: dict[str, None] = {}
        for part in _parts(records):
            prepared = await asyncio.to_thread(self._prepared, part, names, table.cost)
            result = await self._store.append_records(prepared)
            stored, updated = stored + result.stored, updated + result.updated
            duplicates += result.duplicates
            sessions.update(dict.fromkeys(result.sessions))
            self._counters.count(result.increases, self._clock())
            for subscriber in tuple(self._subscribers):
                subscriber(result.sessions)
        return AgentAppendResult(stored, updated, duplicates, tuple(sessions))

    async def _pseudonyms(self, records: AgentRecords) -> dict[str, str]:
        """Return the pseudonyms of the developers whose address must not be stored."""
        if not self._settings.hash_emails:
            return {}
        every: tuple[AgentRequest | AgentAction, ...] = (*records.requests, *records.actions)
        names = {one.sender.developer for one in every if "@" in one.sender.developer}
        return dict(await self._store.pseudonyms(sorted(names))) if names else {}

    def _prepared(
        self,
        records: AgentRecords,
        names: dict[str, str],
        cost: Callable[[AgentRequest], float | None],
    ) -> AgentRecords:
        requests = [
            replace(_without_address(one, names), cost_usd=cost(one)) for one in records.requests
        ]
        actions = [_without_address(one, names) for one in records.actions]
        if not self._settings.content:
            actions = [replace(one, content="") if one.content else one for one in actions]
        return AgentRecords(requests, actions)


def _without_address(record: _Record, names: dict[str, str]) -> _Record:
    """Return a record that names its developer by the pseudonym, if there is one.

    The id of a session without one contains the developer's name.
    """
    address = record.sender.developer
    name = names.get(address)
    if name is None:
        return record
    sender = replace(record.sender, developer=name)
    return replace(record, sender=sender, session_id=record.session_id.replace(address, name))


def _read(
    body: bytes, source: "TraceSource", trace_format: "TraceFormat | None"
) -> "tuple[TraceFormat, AgentRecords]":
    # Most servers never receive a trace: the readers are imported with the first one.
    from analytics.sessions.traces.formats import TraceFormat, format_of, reader_of

    lines = body.split(b"\n")
    found = trace_format or format_of([line for line in lines if line.strip()])
    if found is None:
        raise TraceError(
            "the body is in no known format; name one of "
            + ", ".join(each.value for each in TraceFormat),
            "format",
        )
    reader = reader_of(found, source)
    reader.read(lines)
    return found, reader.take()


def _parts(records: AgentRecords) -> Iterator[AgentRecords]:
    """Yield parts that one commit stores; records of all kinds without any are one part."""
    longest = max(len(records.requests), len(records.actions))
    for start in range(0, longest, _MOST_RECORDS):
        end = start + _MOST_RECORDS
        yield AgentRecords(records.requests[start:end], records.actions[start:end])
