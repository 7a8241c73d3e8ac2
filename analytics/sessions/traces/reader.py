"""What every reader of trace files offers, and where it collects."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from storage.api.agent_sessions.records import AgentAction, AgentRecords, AgentRequest, AgentSender


@dataclass(frozen=True, slots=True)
class TraceSource:
    """Where a file's lines come from.

    Attributes:
        name: the file's name without its ending; a session's id where lines have none.
        time_ms: the time of records without one.
        sender: who the records are from, where they do not say it.
        keeps_content: whether prompts are kept.
    """

    name: str
    time_ms: int
    sender: AgentSender = field(default_factory=AgentSender)
    keeps_content: bool = False


class TraceReader(Protocol):
    """Reads the lines of one file; each format has its own."""

    def read(self, lines: Sequence[bytes]) -> None:
        """Read further lines, which may be malformed."""

    def take(self) -> AgentRecords:
        """Return what has been read since the last call."""


class Collected:
    """The records of one file; an action stays one while its result is read.

    Attributes:
        malformed: the number of lines that are not JSON objects.
    """

    def __init__(self, source: TraceSource) -> None:
        self.source = source
        self.malformed = 0
        self._requests: list[AgentRequest] = []
        self._actions: dict[str, AgentAction] = {}

    def add_request(self, request: AgentRequest) -> None:
        """Add a request."""
        self._requests.append(request)

    def add_action(self, action: AgentAction) -> None:
        """Add an action, or replace the one with its key."""
        self._actions[action.key] = action

    def action(self, key: str) -> AgentAction | None:
        """Return an action that has not been taken yet."""
        return self._actions.get(key)

    def change(self, key: str, **changes: object) -> None:
        """Change an action that has not been taken yet."""
        self._actions[key] = replace(self._actions[key], **changes)  # type: ignore[arg-type]

    def take(self) -> AgentRecords:
        """Return the records since the last call."""
        records = AgentRecords(tuple(self._requests), tuple(self._actions.values()))
        self._requests, self._actions = [], {}
        return records
