"""Stores the events of agents that arrive as log records by OTLP."""

import asyncio
from collections.abc import Sequence

from analytics.sessions.ingestion import SessionIngestion
from model.clock import Clock
from model.telemetry.log_records import LogOutcome, ScopeLogs


class AgentLogSink:
    """Stores what agents report; log records of other programs are rejected."""

    def __init__(self, ingestion: SessionIngestion, clock: Clock) -> None:
        self._ingestion, self._clock = ingestion, clock

    async def receive(self, logs: Sequence[ScopeLogs], sender: str, token: str) -> LogOutcome:
        """See `LogSink.receive`."""
        # Most servers never receive an event: the readers are imported with the first one.
        from analytics.sessions.events.reading import records_of

        records, others = await asyncio.to_thread(records_of, logs, sender, self._clock())
        if len(records):
            await self._ingestion.append(records)
        if not others:
            return LogOutcome()
        return LogOutcome(others, "only the events of coding agents are stored")
