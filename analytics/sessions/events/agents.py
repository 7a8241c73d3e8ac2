"""Requests in the events of each agent.

Tokens and cost come from events of requests only; an agent's metrics, its `gen_ai.*` events
and its sums of turns and sessions repeat them.

Sources: Claude Code, "Monitoring"; openai/codex, `codex-rs/otel`; google-gemini/gemini-cli,
`docs/cli/telemetry.md`; microsoft/vscode-copilot-chat, `docs/monitoring`;
DEVtheOPS/opencode-plugin-otel.
"""

from collections.abc import Callable, Mapping
from typing import Final

from analytics.sessions.events.event import (
    CLAUDE_CODE,
    CODEX,
    COPILOT,
    GEMINI_CLI,
    OPENCODE,
    AgentEvent,
    Records,
)
from analytics.sessions.events.tool_calls import commit, tool_decision, tool_result
from analytics.sessions.traces.copilot import copilot_tokens
from analytics.sessions.traces.values import count_at, number_of, real_at
from storage.api.agent_sessions.records import TokenCounts


def _claude_request(event: AgentEvent) -> Records:
    values, query = event.values, event.text("query_source")
    written = count_at(values, "cache_creation_tokens")
    tokens = TokenCounts(
        input=count_at(values, "input_tokens"),
        output=count_at(values, "output_tokens"),
        cache_read=count_at(values, "cache_read_tokens"),
        cache_write_5m=written,
    )
    yield event.request(
        tokens,
        request_id=event.text("request_id"),
        reported_cost_usd=_reported_cost(event),
        # Claude Code knows how long its cache writes last; the event does not say it.
        prefers_reported=written > 0,
        is_sidechain=query.startswith(("subagent", "agent")),
        is_fast=event.text("speed") == "fast",
    )


def _reported_cost(event: AgentEvent) -> float | None:
    """Return the cost that the agent computed; 0 for a model that it has no price for is none."""
    cost = real_at(event.values, "cost_usd")
    if cost is None and (micros := number_of(event.values.get("cost_usd_micros"))) is not None:
        cost = micros / 1e6
    return cost if cost and cost > 0 else None


def _codex_request(event: AgentEvent) -> Records:
    kind, values = event.text("event.kind"), event.values
    if kind == "response.failed":
        yield from event.error()
    # Each stream event is logged; that of a completed response a second time, with its counts.
    if kind != "response.completed" or "input_token_count" not in values:
        return
    read, written = (count_at(values, f"{each}_token_count") for each in ("input", "output"))
    cached = min(count_at(values, "cached_token_count"), read)
    reasoning = min(count_at(values, "reasoning_token_count"), written)
    yield event.request(TokenCounts(read - cached, written, cached, reasoning=reasoning))


def _gemini_request(event: AgentEvent) -> Records:
    values = event.values
    read = count_at(values, "input_token_count")
    cached = min(count_at(values, "cached_content_token_count"), read)
    thoughts = count_at(values, "thoughts_token_count")
    fresh = read - cached + count_at(values, "tool_token_count")
    written = count_at(values, "output_token_count") + thoughts
    yield event.request(TokenCounts(fresh, written, cached, reasoning=thoughts))


def _copilot_request(event: AgentEvent) -> Records:
    tokens = copilot_tokens(event.values)
    is_error = bool(event.text("error.type"))
    if tokens.total or is_error:
        message_id = event.text("gen_ai.response.id")
        yield event.request(tokens, message_id=message_id, is_error=is_error)


def _opencode_request(event: AgentEvent) -> Records:
    values, reasoning = event.values, count_at(event.values, "reasoning_tokens")
    tokens = TokenCounts(
        input=count_at(values, "input_tokens"),
        # Unlike the others, opencode counts reasoning beside the output.
        output=count_at(values, "output_tokens") + reasoning,
        cache_read=count_at(values, "cache_read_tokens"),
        cache_write_5m=count_at(values, "cache_creation_tokens"),
        reasoning=reasoning,
    )
    yield event.request(tokens, reported_cost_usd=_reported_cost(event))


def _opencode_tool(event: AgentEvent) -> Records:
    return tool_result(event, is_written_at_end=False)


def _prompt(event: AgentEvent) -> Records:
    return event.prompt("prompt.id", "prompt_id")


READERS: Final[Mapping[tuple[str, str], Callable[[AgentEvent], Records]]] = {
    (CLAUDE_CODE, "api_request"): _claude_request,
    (CLAUDE_CODE, "api_error"): AgentEvent.error,
    (CLAUDE_CODE, "user_prompt"): _prompt,
    (CLAUDE_CODE, "tool_result"): tool_result,
    (CLAUDE_CODE, "tool_decision"): tool_decision,
    (CODEX, "sse_event"): _codex_request,
    (CODEX, "user_prompt"): _prompt,
    (CODEX, "tool_result"): tool_result,
    (CODEX, "tool_decision"): tool_decision,
    (GEMINI_CLI, "api_response"): _gemini_request,
    (GEMINI_CLI, "api_error"): AgentEvent.error,
    (GEMINI_CLI, "user_prompt"): _prompt,
    (GEMINI_CLI, "tool_call"): tool_result,
    (COPILOT, "gen_ai.client.inference.operation.details"): _copilot_request,
    (COPILOT, "tool.call"): tool_result,
    (OPENCODE, "api_request"): _opencode_request,
    (OPENCODE, "api_error"): AgentEvent.error,
    (OPENCODE, "user_prompt"): _prompt,
    (OPENCODE, "tool_result"): _opencode_tool,
    (OPENCODE, "tool_decision"): tool_decision,
    (OPENCODE, "commit"): commit,
}
"""What reads an event, by agent and name; all other events say nothing of a session."""
