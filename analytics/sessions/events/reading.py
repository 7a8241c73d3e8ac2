"""Reads the log records of a request."""

from collections.abc import Sequence

from analytics.sessions.events.agents import READERS
from analytics.sessions.events.event import AgentEvent
from model.telemetry.log_records import ScopeLogs
from storage.api.agent_sessions.records import AgentAction, AgentRecords, AgentRequest


def records_of(logs: Sequence[ScopeLogs], sender: str, now_ms: int) -> tuple[AgentRecords, int]:
    """Return the requests and actions of log records, and how many are of no agent.

    Args:
        logs: log records of any programs.
        sender: the developer, where a record names none.
        now_ms: the time of records without one.
    """
    requests: list[AgentRequest] = []
    actions: list[AgentAction] = []
    others = 0
    for scope in logs:
        for record in scope.records:
            event = AgentEvent(scope, record, sender, now_ms)
            if not event.agent:
                others += 1
                continue
            reader = READERS.get((event.agent, event.name))
            for one in reader(event) if reader is not None else ():
                if isinstance(one, AgentRequest):
                    requests.append(one)
                else:
                    actions.append(one)
    return AgentRecords(requests, actions), others
