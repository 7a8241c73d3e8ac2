"""Records of coding agents: requests to models, and the actions between them.

Times are Unix milliseconds. Tokens and cost are counted from requests only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class RecordOrigin(StrEnum):
    """How a record arrived."""

    TRACE = "trace"
    OTLP = "otlp"


class ActionKind(StrEnum):
    """The kind of an action of a session besides requests."""

    PROMPT = "prompt"
    TOOL = "tool"
    EDIT = "edit"
    COMMIT = "commit"
    PULL_REQUEST = "pull_request"


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """The tokens of requests; each token counts in one field only, except for `reasoning`.

    Attributes:
        input: read anew, without those from the cache.
        output: written, with those of reasoning.
        cache_read: read from the cache.
        cache_write_5m, cache_write_1h: written into the cache for five minutes, for an hour.
        reasoning: the part of `output` that was spent on reasoning.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    reasoning: int = 0

    @property
    def prompt(self) -> int:
        """The tokens that the model read."""
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h

    @property
    def total(self) -> int:
        """All tokens."""
        return self.prompt + self.output


@dataclass(frozen=True, slots=True)
class AgentSender:
    """The agent, and the developer and project that it works for; "" where unknown.

    Attributes:
        agent: the program, such as `claude-code` or `codex`.
        developer: the person.
        team: the person's team.
        project: the repository or directory.
        branch: the branch of the repository.
    """

    agent: str = ""
    developer: str = ""
    team: str = ""
    project: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRequest:
    """One request to a model: a turn of a session.

    Attributes:
        message_id, request_id: the response's and the request's ids; "" without one. An OTLP
            event without both has a request id of its own, which its repetitions share.
        is_sidechain: whether a subagent's file has it, which may repeat its parent's requests.
        reported_cost_usd: the cost that the sender computed, None without one.
        prefers_reported: whether the sender knew prices that the token counts do not show.
        cost_usd: the cost that counts, None for a model without a price.
        status: the HTTP status, None if unknown.
        is_fast: whether the faster, dearer tier of the model answered.
    """

    session_id: str
    time_ms: int
    model: str
    tokens: TokenCounts
    sender: AgentSender = field(default_factory=AgentSender)
    message_id: str = ""
    request_id: str = ""
    is_sidechain: bool = False
    origin: RecordOrigin = RecordOrigin.TRACE
    reported_cost_usd: float | None = None
    prefers_reported: bool = False
    cost_usd: float | None = None
    duration_ms: int | None = None
    status: int | None = None
    is_error: bool = False
    is_fast: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAction:
    """A prompt, a tool call, an edit, a commit or a pull request.

    Attributes:
        key: identifies it among all actions of its agent; a later record with the same key
            adds what is known since.
        name: of the tool; "" for others.
        is_success: None if unknown.
        is_accepted: whether the person accepted it, None without a decision.
        lines_added, lines_removed: of an edit that was applied.
        reference: the id of a commit, the URL of a pull request, the path of an edited file.
        content: what was written; stored only if the settings say so.
    """

    session_id: str
    time_ms: int
    kind: ActionKind
    key: str
    sender: AgentSender = field(default_factory=AgentSender)
    name: str = ""
    is_success: bool | None = None
    is_accepted: bool | None = None
    duration_ms: int | None = None
    lines_added: int = 0
    lines_removed: int = 0
    reference: str = ""
    content: str = ""


@dataclass(frozen=True, slots=True)
class AgentRecords:
    """Requests and actions in the order in which they were read."""

    requests: Sequence[AgentRequest] = ()
    actions: Sequence[AgentAction] = ()

    def __len__(self) -> int:
        """Return how many records there are."""
        return len(self.requests) + len(self.actions)


@dataclass(frozen=True, slots=True)
class UsageIncrease:
    """By how much records raised the usage of a team and a model.

    Attributes:
        time_ms: when the tokens were used.
    """

    team: str
    model: str
    time_ms: int
    tokens: TokenCounts
    cost_usd: float


@dataclass(frozen=True, slots=True)
class AgentAppendResult:
    """The outcome of appended records.

    Attributes:
        stored: the number of new records.
        updated: the number of records that completed a stored one.
        duplicates: the number of records that were known.
        sessions: the sessions that changed.
        increases: what new and completed requests add to the usage.
    """

    stored: int = 0
    updated: int = 0
    duplicates: int = 0
    sessions: tuple[str, ...] = ()
    increases: tuple[UsageIncrease, ...] = ()
