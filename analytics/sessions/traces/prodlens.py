"""Reads prodlens's traces: one JSON object for each request.

Source: prodlens, "Data Model": table `sessions` and the normalised fields of a trace.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from analytics.sessions.traces.reader import CollectingReader
from analytics.sessions.traces.values import (
    Json,
    count_at,
    count_or_none,
    flag_at,
    object_at,
    objects_in,
    real_at,
    text_at,
    time_at,
)
from storage.api.agent_sessions.records import (
    ActionKind,
    AgentAction,
    AgentRequest,
    AgentSender,
    TokenCounts,
)

AGENT: Final = "prodlens"


class ProdLensReader(CollectingReader):
    """Reads one file of traces."""

    def read(self, lines: Sequence[bytes]) -> None:
        """See `TraceReader.read`."""
        for entry in objects_in(lines):
            self._entry(entry)

    def _entry(self, entry: Json) -> None:
        metadata = object_at(entry, "metadata")
        usage = object_at(entry, "usage")
        time_ms = time_at(entry, "timestamp", "start_time")
        time_ms = self._source.time_ms if time_ms is None else time_ms
        tokens = TokenCounts(
            input=count_at(entry, "tokens_in")
            or count_at(usage, "prompt_tokens", "input_tokens", "tokens_in"),
            output=count_at(entry, "tokens_out")
            or count_at(usage, "completion_tokens", "output_tokens", "tokens_out"),
        )
        sender = self._sender(entry, metadata)
        session = text_at(entry, "session_id") or text_at(metadata, "session_id")
        model, status = text_at(entry, "model"), count_or_none(entry, "status_code")
        latency = count_or_none(entry, "latency_ms")
        # prodlens tells its traces apart by the same values.
        parts = (session, sender.developer, time_ms, model, tokens, latency, status, sender.project)
        key = hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()
        session = session or f"prodlens-{key}"
        self._found.add_request(
            AgentRequest(
                session_id=session,
                time_ms=time_ms,
                model=model,
                tokens=tokens,
                sender=sender,
                message_id=f"prodlens:{key}",
                reported_cost_usd=real_at(entry, "cost_usd") or None,
                duration_ms=latency,
                status=status if status is not None and 100 <= status < 600 else None,
                is_error=status is not None and status >= 400,
            )
        )
        self._acceptance(entry, session, time_ms, sender, key)

    def _acceptance(
        self, entry: Json, session: str, time_ms: int, sender: AgentSender, key: str
    ) -> None:
        # prodlens writes 0 also where acceptance was not tracked: only 1 is a decision.
        accepted = flag_at(entry, "accepted_flag", "accepted")
        lines = count_at(entry, "accepted_lines")
        if not accepted and not lines:
            return
        self._found.add_action(
            AgentAction(
                session_id=session,
                time_ms=time_ms,
                kind=ActionKind.EDIT,
                key=key,
                sender=sender,
                name="suggestion",
                is_success=True,
                is_accepted=True,
                lines_added=lines,
            )
        )

    def _sender(self, entry: Json, metadata: Json) -> AgentSender:
        own = self._source.sender
        developer = text_at(entry, "developer_id") or text_at(metadata, "developer_id", "user_id")
        return replace(
            own,
            agent=text_at(entry, "agent") or AGENT,
            developer=developer or own.developer,
            team=text_at(entry, "team") or own.team,
            project=text_at(entry, "repo_slug") or text_at(metadata, "repo_slug") or own.project,
        )
