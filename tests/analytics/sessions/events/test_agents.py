"""What each agent's events say about requests."""

import pytest

from analytics.sessions.events.reading import records_of
from model.telemetry.log_records import ScopeLogs
from storage.api.agent_sessions.records import AgentAction, AgentRequest, TokenCounts
from tests.analytics.sessions.agent_events import (
    TIME_MS,
    claude,
    claude_request,
    codex,
    codex_completed,
    copilot,
    gemini,
    opencode,
)

INFERENCE = "gen_ai.client.inference.operation.details"


def request_of(event: ScopeLogs) -> AgentRequest:
    records, others = records_of([event], "sender", TIME_MS)
    assert not others
    (request,) = records.requests
    return request


def actions_of(*events: ScopeLogs) -> list[AgentAction]:
    return list(records_of(events, "sender", TIME_MS)[0].actions)


TOKENS = {
    "claude-code": (
        claude_request(cache_read_tokens="7", cache_creation_tokens=3),
        TokenCounts(10, 20, 7, 3),
    ),
    "codex": (codex_completed(), TokenCounts(40, 30, 60, reasoning=10)),
    "gemini-cli": (
        gemini(
            "api_response",
            input_token_count=100,
            cached_content_token_count=40,
            output_token_count=20,
            thoughts_token_count=5,
            tool_token_count=3,
        ),
        TokenCounts(63, 25, 40, reasoning=5),
    ),
    "copilot": (
        copilot(
            INFERENCE,
            gen_ai__usage__input_tokens=100,
            gen_ai__usage__cache_read__input_tokens=40,
            gen_ai__usage__output_tokens=20,
        ),
        TokenCounts(60, 20, 40),
    ),
    "opencode": (
        opencode(
            "api_request",
            input_tokens=10,
            output_tokens=20,
            reasoning_tokens=5,
            cache_read_tokens=40,
            cache_creation_tokens=2,
        ),
        TokenCounts(10, 25, 40, 2, reasoning=5),
    ),
}


@pytest.mark.parametrize("agent", TOKENS)
def test_tokens_are_split_alike_for_all_agents(agent: str) -> None:
    event, tokens = TOKENS[agent]
    request = request_of(event)
    assert (request.tokens, request.sender.agent, request.time_ms) == (tokens, agent, TIME_MS)
    assert request.session_id


def test_developer_is_whom_the_agent_names_else_the_sender() -> None:
    assert request_of(claude_request()).sender.developer == "ann@example.com"
    assert request_of(claude_request(developer="Ann")).sender.developer == "Ann"
    unnamed = opencode("api_request", input_tokens=1)
    assert request_of(unnamed).sender.developer == "sender"


def test_team_and_project_come_from_the_resource() -> None:
    event = claude_request()
    resource = {**event.resource, "team.id": "core", "vcs.repository.name": "shop"}
    sender = request_of(ScopeLogs(resource, event.scope, event.records)).sender
    assert (sender.team, sender.project) == ("core", "shop")


def test_agent_is_known_under_another_service_name() -> None:
    event = claude_request()
    renamed = ScopeLogs({"service.name": "our-agents"}, event.scope, event.records)
    assert request_of(renamed).sender.agent == "claude-code"


def test_failed_requests_have_their_status_and_no_tokens() -> None:
    for event in (
        claude("api_error", status_code="529", error="overloaded"),
        gemini("api_error", status_code=429),
        copilot(INFERENCE, error__type="TimeoutError"),
        codex("sse_event", event__kind="response.failed", error__message="x"),
        opencode("api_error", error="x"),
    ):
        request = request_of(event)
        assert request.is_error
        assert not request.tokens.total
    assert request_of(claude("api_error", status_code="529")).status == 529


def test_conversation_is_the_session_of_copilot_rather_than_the_window() -> None:
    event = copilot(INFERENCE, gen_ai__conversation__id="c-1", gen_ai__usage__input_tokens=1)
    assert request_of(event).session_id == "c-1"
    assert request_of(copilot(INFERENCE, gen_ai__usage__input_tokens=1)).session_id == "window-1"


def test_numbers_that_are_none_count_nothing() -> None:
    event = claude_request(input_tokens="many", output_tokens=-5, cost_usd="NaN", duration_ms=None)
    request = request_of(event)
    assert (request.tokens, request.reported_cost_usd) == (TokenCounts(), None)
    assert request.duration_ms is None


def test_prompt_that_the_agent_left_out_has_no_content() -> None:
    shown, hidden = actions_of(
        codex("user_prompt", prompt="fix it"), codex("user_prompt", prompt="[REDACTED]", n=2)
    )
    assert (shown.content, hidden.content) == ("fix it", "")
