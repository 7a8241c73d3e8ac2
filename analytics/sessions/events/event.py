"""One event of a coding agent, with what the events of all agents share."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from analytics.sessions.traces.values import (
    LONGEST_CONTENT,
    LONGEST_TEXT,
    count_or_none,
    last_part,
    text_at,
    time_at,
)
from model.telemetry.log_records import LogRecord, ScopeLogs
from model.telemetry.persons import PERSON_ATTRIBUTES
from storage.api.agent_sessions.identity import EVENT_ID
from storage.api.agent_sessions.records import (
    ActionKind,
    AgentAction,
    AgentRequest,
    AgentSender,
    RecordOrigin,
    TokenCounts,
)

Records = Iterator[AgentRequest | AgentAction]

CLAUDE_CODE: Final = "claude-code"
CODEX: Final = "codex"
GEMINI_CLI: Final = "gemini-cli"
COPILOT: Final = "copilot"
OPENCODE: Final = "opencode"

_PREFIXES: Final = {
    "claude_code.": CLAUDE_CODE,
    "codex.": CODEX,
    "gemini_cli.": GEMINI_CLI,
    "copilot_chat.": COPILOT,
    "opencode.": OPENCODE,
}
_SCOPES: Final = {
    "com.anthropic.claude_code": CLAUDE_CODE,
    "codex": CODEX,
    "gemini-cli": GEMINI_CLI,
    "copilot": COPILOT,
    "github-copilot": COPILOT,
    "github.copilot": COPILOT,
    "opencode": OPENCODE,
    "com.opencode": OPENCODE,
}
_SERVICES: Final = {
    "claude-code": CLAUDE_CODE,
    "codex": CODEX,
    "gemini": GEMINI_CLI,
    "copilot": COPILOT,
    "github-copilot": COPILOT,
    "opencode": OPENCODE,
}
_SESSION: Final = (
    *("gen_ai.conversation.id", "conversation.id", "copilot_chat.session_id"),
    *("copilot_chat.chat_session_id", "session.id", "thread.id"),
)
_MS: Final = 1_000_000
_REDACTED: Final = frozenset({"[REDACTED]", "<REDACTED>"})


class AgentEvent:
    """Reads one log record of an agent.

    Attributes:
        agent: the agent, "" for a log record of another program.
        name: of the event, without the agent's prefix.
        values: the attributes of the resource and of the record.
    """

    def __init__(self, logs: ScopeLogs, record: LogRecord, sender: str, now_ms: int) -> None:
        self.values: Mapping[str, Any] = {**logs.resource, **record.attributes}
        # Codex's library puts the place in the source code into the record's own event name.
        named = text_at(record.attributes, "event.name"), record.event_name, _text(record.body)
        self.name, self.agent = next((one for one in named if one), ""), ""
        for text in named:
            for prefix, agent in _PREFIXES.items():
                if text.startswith(prefix):
                    self.agent = self.agent or agent
        self.agent = (
            self.agent
            or _first(_SERVICES, text_at(logs.resource, "service.name"))
            or _first(_SCOPES, logs.scope.name)
        )
        for prefix, agent in _PREFIXES.items():
            if agent == self.agent:
                self.name = self.name.removeprefix(prefix)
        self._sender_name, self._record = sender, record
        written_ms = time_at(record.attributes, "event.timestamp")
        self.time_ms = written_ms or record.time_ns // _MS or now_ms
        self._sender: AgentSender | None = None

    def text(self, *names: str) -> str:
        """Return the first attribute that is a text with content, else ""."""
        return text_at(self.values, *names)

    def content(self, *names: str) -> str:
        """Return the first attribute that holds a text which was not left out by the agent."""
        found = (self.values.get(name) for name in names)
        texts = (one for one in found if isinstance(one, str) and one and one not in _REDACTED)
        return next(texts, "")

    @property
    def session(self) -> str:
        """The session's id; without one, what keeps the requests of a developer together."""
        found = self.text(*_SESSION) or self._record.trace_id
        return found or f"{self.agent}:{self.sender.developer}"

    @property
    def sender(self) -> AgentSender:
        """Who works where: what the agent says, else the user who sends."""
        if self._sender is None:
            self._sender = AgentSender(
                self.agent,
                self.text(*PERSON_ATTRIBUTES) or self._sender_name,
                self.text("team", "team.id", "team.name", "department"),
                self.text("project", "project.name", "vcs.repository.name", "repository")
                or last_part(self.text("cwd")),
                self.text("vcs.ref.head.name", "branch"),
            )
        return self._sender

    @property
    def own_id(self) -> str:
        """An id that is the same if the event arrives again, and of no other event.

        Texts that may be prompts or code do not go into it.
        """
        short = [
            (name, value)
            for name, value in sorted(self._record.attributes.items())
            if isinstance(value, int | float)
            or (isinstance(value, str) and _identifies(name, value))
        ]
        parts = self._record.time_ns, self.session, self.name, self._record.span_id, short
        return EVENT_ID + hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()

    def request(self, tokens: TokenCounts, **more: Any) -> AgentRequest:
        """Return a request with these tokens."""
        status = count_or_none(self.values, "status_code", "http.response.status_code")
        found: dict[str, Any] = {
            "session_id": self.session,
            "time_ms": self.time_ms,
            "model": self.text("model", "gen_ai.response.model", "gen_ai.request.model"),
            "tokens": tokens,
            "sender": self.sender,
            "origin": RecordOrigin.OTLP,
            "duration_ms": count_or_none(self.values, "duration_ms"),
            "status": status if status is not None and 100 <= status < 600 else None,
            **more,
        }
        if not found.get("request_id") and not found.get("message_id"):
            found["request_id"] = self.own_id
        return AgentRequest(**found)

    def error(self) -> Records:
        """Yield a request that failed."""
        request_id = self.text("request_id")
        yield self.request(TokenCounts(), request_id=request_id, is_error=True)

    def prompt(self, *keys: str) -> Records:
        """Yield a prompt.

        Args:
            keys: the attributes that may hold its id.
        """
        content = self.content("prompt")
        yield self.action(ActionKind.PROMPT, self.text(*keys) or self.own_id, content=content)

    def action(self, kind: ActionKind, key: str, *, content: str = "", **more: Any) -> AgentAction:
        """Return an action."""
        return AgentAction(
            session_id=self.session,
            time_ms=more.pop("time_ms", self.time_ms),
            kind=kind,
            key=key,
            sender=self.sender,
            content=content[:LONGEST_CONTENT],
            **more,
        )

    def began_ms(self) -> int:
        """Return when a call began whose record was written at its end."""
        return self.time_ms - (count_or_none(self.values, "duration_ms") or 0)


def _identifies(name: str, value: str) -> bool:
    """Report whether a text is a name, an id or a number, and no prompt or code."""
    return name.endswith((".id", "_id", ".timestamp", "_name")) or value.isdecimal()


def _text(body: object) -> str:
    return body[:LONGEST_TEXT] if isinstance(body, str) else ""


def _first(names: Mapping[str, str], text: str) -> str:
    lower = text.lower()
    return next((agent for name, agent in names.items() if lower.startswith(name)), "")


def rejected(decision: str) -> bool:
    """Report whether a decision about a tool call refused it."""
    return decision.lower() in _REJECTIONS


_REJECTIONS: Sequence[str] = ("reject", "rejected", "denied", "deny", "abort", "timedout")
