"""Merges new records into stored ones, so that each request and action counts once."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import Enum, auto

from storage.api.agent_sessions.identity import (
    is_same_request,
    merged_action,
    merged_request,
    twin_tokens,
)
from storage.api.agent_sessions.records import (
    AgentAction,
    AgentRequest,
    TokenCounts,
    UsageIncrease,
)


class Change(Enum):
    """The effect of a record."""

    STORED = auto()
    UPDATED = auto()
    KNOWN = auto()


@dataclass(slots=True)
class MergedRequest:
    """A request as it counts.

    Attributes:
        row_id: the number of its row, None if it has none.
        is_changed: whether the row, if there is one, must be replaced.
        sessions: the sessions that it was counted in.
    """

    request: AgentRequest
    row_id: int | None
    is_changed: bool
    sessions: set[str]


class RequestMerger:
    """The requests of one commit, and the stored ones that may be the same.

    Attributes:
        increases: what the added requests add to the usage.
    """

    def __init__(self) -> None:
        self.increases: list[UsageIncrease] = []
        self._entries: list[MergedRequest] = []
        self._by_message: defaultdict[str, list[MergedRequest]] = defaultdict(list)
        self._by_request: defaultdict[str, list[MergedRequest]] = defaultdict(list)
        self._by_twin: defaultdict[object, list[MergedRequest]] = defaultdict(list)

    def add_stored(self, row_id: int, request: AgentRequest) -> None:
        """Add a stored request."""
        self._enter(MergedRequest(request, row_id, is_changed=False, sessions=set()))

    def add(self, request: AgentRequest) -> Change:
        """Add a new request; return what it changed."""
        entry = self._find(request)
        if entry is None:
            self._enter(MergedRequest(request, None, is_changed=True, sessions=set()))
            self.increases.append(_increase(None, request))
            return Change.STORED
        known = entry.request
        merged = merged_request(known, request)
        if merged == known:
            return Change.KNOWN
        entry.request, entry.is_changed = merged, True
        self.increases.append(_increase(known, merged))
        entry.sessions.add(known.session_id)
        # The merged one may have an id that only one of both had.
        self._index(entry)
        return Change.UPDATED

    def changed(self) -> Iterator[MergedRequest]:
        """Yield the requests whose rows must be written."""
        return (entry for entry in self._entries if entry.is_changed)

    def _enter(self, entry: MergedRequest) -> None:
        self._entries.append(entry)
        self._index(entry)

    def _index(self, entry: MergedRequest) -> None:
        request = entry.request
        if request.message_id:
            self._by_message[request.message_id].append(entry)
        if request.request_id:
            self._by_request[request.request_id].append(entry)
        self._by_twin[_twin_key(request)].append(entry)

    def _find(self, request: AgentRequest) -> MergedRequest | None:
        for found in self._candidates(request):
            for entry in found:
                if is_same_request(entry.request, request):
                    return entry
        return None

    def _candidates(self, request: AgentRequest) -> Iterator[list[MergedRequest]]:
        if request.message_id:
            yield self._by_message.get(request.message_id, [])
        if request.request_id:
            yield self._by_request.get(request.request_id, [])
        yield self._by_twin.get(_twin_key(request), [])


def _increase(before: AgentRequest | None, after: AgentRequest) -> UsageIncrease:
    cost = after.cost_usd or 0.0
    tokens = after.tokens
    if before is not None:
        cost = max(cost - (before.cost_usd or 0.0), 0.0)
        tokens = TokenCounts(
            *(
                max(getattr(tokens, each.name) - getattr(before.tokens, each.name), 0)
                for each in fields(TokenCounts)
            )
        )
    return UsageIncrease(after.sender.team, after.model, after.time_ms, tokens, cost)


def _twin_key(request: AgentRequest) -> object:
    return request.session_id, request.model, twin_tokens(request)


class ActionMerger:
    """The actions of one commit, and the stored ones with the same keys."""

    def __init__(self) -> None:
        self._stored: dict[str, AgentAction] = {}
        self._new: dict[str, AgentAction] = {}

    def add_stored(self, action: AgentAction) -> None:
        """Add a stored action."""
        self._stored[action_key(action)] = action

    def add(self, action: AgentAction) -> Change:
        """Add a new action; return what it changed."""
        key = action_key(action)
        known = self._new.get(key) or self._stored.get(key)
        if known is None:
            self._new[key] = action
            return Change.STORED
        merged = merged_action(known, action)
        if merged == known:
            return Change.KNOWN
        self._new[key] = merged
        return Change.UPDATED

    def changed(self) -> dict[str, AgentAction]:
        """Return the actions whose rows must be written, by key."""
        return self._new


def action_key(action: AgentAction) -> str:
    """Return what identifies an action among those of all agents."""
    return f"{action.sender.agent}\x00{action.key}"
