"""The questions to the store of sessions, and their answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from storage.api.agent_sessions.records import TokenCounts


class UsageDimension(StrEnum):
    """The dimension that usage is grouped by."""

    MODEL = "model"
    DEVELOPER = "developer"
    TEAM = "team"
    PROJECT = "project"
    AGENT = "agent"


class SessionOrder(StrEnum):
    """The key that sessions are sorted by; the names are prodlens's."""

    TIMESTAMP = "timestamp"
    COST = "cost_usd"
    TOKENS = "tokens"
    DURATION = "duration"
    REQUESTS = "requests"


@dataclass(frozen=True, slots=True)
class AgentSelection:
    """The sessions or requests that a question is about; None for all.

    Attributes:
        start_ms, end_ms: the range of times, without its end.
        session_id: one session.
    """

    start_ms: int
    end_ms: int
    developer: str | None = None
    team: str | None = None
    model: str | None = None
    agent: str | None = None
    project: str | None = None
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class AgentTotals:
    """Sums over requests.

    Attributes:
        cost_usd: the cost of all requests with a price.
        unpriced_tokens: the tokens of the requests without one.
    """

    requests: int = 0
    errors: int = 0
    tokens: TokenCounts = field(default_factory=TokenCounts)
    cost_usd: float = 0.0
    unpriced_tokens: int = 0
    duration_ms: int = 0
    timed_requests: int = 0


@dataclass(frozen=True, slots=True)
class ActionTotals:
    """Sums over actions.

    Attributes:
        accepted, rejected: the edits that a person decided on.
        accepted_lines, proposed_lines: the lines of accepted edits, of all edits with lines.
    """

    prompts: int = 0
    tools: int = 0
    tool_errors: int = 0
    edits: int = 0
    accepted: int = 0
    rejected: int = 0
    lines_added: int = 0
    lines_removed: int = 0
    accepted_lines: int = 0
    commits: int = 0
    pull_requests: int = 0


@dataclass(frozen=True, slots=True)
class AgentSession:
    """One session with its sums.

    Attributes:
        models: the names of its models, the one with most tokens first.
    """

    session_id: str
    agent: str
    developer: str
    team: str
    project: str
    branch: str
    models: tuple[str, ...]
    first_ms: int
    last_ms: int
    totals: AgentTotals
    actions: ActionTotals


@dataclass(frozen=True, slots=True)
class SessionPage:
    """One page of sessions, and how many match."""

    sessions: Sequence[AgentSession]
    count: int


@dataclass(frozen=True, slots=True)
class UsageGroup:
    """The usage of one value of a dimension."""

    value: str
    sessions: int
    totals: AgentTotals


@dataclass(frozen=True, slots=True)
class UsageSeries:
    """Sums by bucket of time, each of shape (N,)."""

    cost_usd: NDArray[np.float64]
    tokens: NDArray[np.int64]
    requests: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ToolFigures:
    """How often a tool was called, how that ended, and what it cost.

    Attributes:
        cost_usd: of the requests that called it, each divided by its calls; None if none of
            them has a price.
    """

    name: str
    calls: int
    errors: int
    rejected: int
    mean_ms: float | None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class SessionSpread:
    """Percentiles over sessions, by quantile; NaN without a session."""

    length_ms: Mapping[float, float]
    cost_usd: Mapping[float, float]
    latency_ms: Mapping[float, float]


@dataclass(frozen=True, slots=True)
class SessionFilters:
    """The values that the list of sessions can be filtered by."""

    developers: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OldestRecords:
    """The times of the oldest session, commit and merge; None where there is none."""

    session_ms: int | None = None
    commit_ms: int | None = None
    merge_ms: int | None = None


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of a session's timeline: a request, an action or an outcome.

    Attributes:
        kind: `request`, or the kind of the action.
        cost_usd: of a request; None without a price and for actions.
    """

    time_ms: int
    kind: str
    name: str = ""
    tokens: TokenCounts = field(default_factory=TokenCounts)
    cost_usd: float | None = None
    duration_ms: int | None = None
    is_success: bool | None = None
    is_accepted: bool | None = None
    is_sidechain: bool = False
    lines_added: int = 0
    lines_removed: int = 0
    reference: str = ""
    content: str = ""
