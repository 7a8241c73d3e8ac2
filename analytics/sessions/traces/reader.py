"""The protocol of readers of trace files, and the collector that they fill."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from analytics.sessions.traces.git_output import commits_in, pull_requests_in
from storage.api.agent_sessions.records import (
    ActionKind,
    AgentAction,
    AgentRecords,
    AgentRequest,
    AgentSender,
)


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


def outcome_key(call: str, kind: ActionKind, reference: str) -> str:
    """Return what identifies a commit or a pull request that a tool call made.

    Git prints the first digits of a commit's id, and events have all of them.
    """
    return f"{call}:{reference[:7] if kind is ActionKind.COMMIT else reference}"


class Collected:
    """The records of one file; an action stays one while its result is read."""

    def __init__(self) -> None:
        self._requests: list[AgentRequest] = []
        self._actions: dict[str, AgentAction] = {}

    def add_outcomes(self, call: AgentAction, output: object, time_ms: int) -> None:
        """Add the commits and pull requests that a shell command made.

        Args:
            call: the call of the tool, whose `content` is the command.
            output: what the command printed.
            time_ms: when it ended.
        """
        command = call.content
        found = [(ActionKind.COMMIT, each) for each in commits_in(command, output)]
        found += [(ActionKind.PULL_REQUEST, each) for each in pull_requests_in(command, output)]
        for kind, reference in found:
            self.add_action(
                AgentAction(
                    session_id=call.session_id,
                    time_ms=time_ms,
                    kind=kind,
                    key=outcome_key(call.key, kind, reference),
                    sender=call.sender,
                    is_success=True,
                    reference=reference,
                )
            )

    def add_request(self, request: AgentRequest) -> None:
        """Add a request."""
        self._requests.append(request)

    def add_action(self, action: AgentAction) -> None:
        """Add an action, or replace the one with its key."""
        self._actions[action.key] = action

    def action(self, key: str) -> AgentAction | None:
        """Return an action that has not been taken yet."""
        return self._actions.get(key)

    def take(self) -> AgentRecords:
        """Return the records since the last call."""
        records = AgentRecords(tuple(self._requests), tuple(self._actions.values()))
        self._requests, self._actions = [], {}
        return records


class CollectingReader:
    """Base of the readers that collect each record as they read it.

    Args:
        source: the file.
    """

    def __init__(self, source: TraceSource) -> None:
        self._source, self._found = source, Collected()

    def take(self) -> AgentRecords:
        """See `TraceReader.take`."""
        return self._found.take()
