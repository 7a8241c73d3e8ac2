"""Prices of models by name, time and size of the prompt."""

from dataclasses import replace

import pytest

from analytics.sessions.pricing import PriceTable, bare_model, date_ms, shipped_prices
from storage.api.agent_sessions.prices import ModelPrice
from storage.api.agent_sessions.records import AgentRequest, TokenCounts

TABLE = PriceTable()


def request(model: str, time: str = "2026-11-01", **tokens: int) -> AgentRequest:
    return AgentRequest(
        session_id="s", time_ms=date_ms(time), model=model, tokens=TokenCounts(**tokens)
    )


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("anthropic/claude-opus-4.5", "claude-opus-4-5"),
        ("openrouter/openai/gpt-5-2025-08-07", "gpt-5"),
        ("claude-opus-4-1@20250805", "claude-opus-4-1"),
        ("claude-sonnet-4-5[1m]", "claude-sonnet-4-5"),
        ("GPT-5.1-Codex", "gpt-5.1-codex"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku"),
    ],
)
def test_name_is_compared_without_provider_and_date(name: str, bare: str) -> None:
    assert bare_model(name) == bare


def test_unknown_model_has_no_cost_rather_than_none() -> None:
    assert TABLE.cost(request("gpt-99", output=10)) is None
    assert TABLE.cost(replace(request("gpt-99", output=10), reported_cost_usd=0.5)) == 0.5


def test_table_goes_before_the_reported_cost_unless_the_sender_knows_more() -> None:
    one = replace(request("gpt-5", input=1_000_000), reported_cost_usd=7.0)
    assert TABLE.cost(one) == 1.25
    assert TABLE.cost(replace(one, prefers_reported=True)) == 7.0


def test_each_kind_of_token_has_its_price() -> None:
    one = request(
        "claude-opus-4-5",
        input=10,
        output=20,
        cache_read=30,
        cache_write_5m=40,
        cache_write_1h=50,
        reasoning=20,
    )
    expected = 10 * 5 + 20 * 25 + 30 * 0.5 + 40 * 6.25 + 50 * 10
    assert TABLE.cost(one) == pytest.approx(expected / 1e6)


@pytest.mark.parametrize(
    ("time", "dollars"), [("2025-01-01", 10), ("2025-05-01", 10), ("2025-06-10", 2)]
)
def test_price_is_that_of_its_time(time: str, dollars: float) -> None:
    assert TABLE.cost(request("o3", time, input=1_000_000)) == pytest.approx(dollars)


@pytest.mark.parametrize(("size", "dollars"), [(200_000, 3), (200_001, 6)])
def test_long_prompts_have_their_own_price(size: int, dollars: float) -> None:
    cost = TABLE.cost(request("claude-sonnet-4-5", input=size))
    assert cost == pytest.approx(size * dollars / 1e6)


def test_fast_tier_is_unpriced_until_it_has_a_price() -> None:
    fast = replace(request("claude-opus-4-6", output=1_000_000), is_fast=True)
    assert TABLE.cost(fast) is None
    own = ModelPrice("claude-opus-4-6:fast", 0, 0, 30, 150, 3, 37.5, 60, "2026-11-29", "contract")
    assert PriceTable([own]).cost(fast) == pytest.approx(150)


def test_own_price_replaces_every_shipped_one_of_the_model() -> None:
    own = ModelPrice("o3", date_ms("2026-01-01"), 0, 1, 1, 1, 1, 1, "2026-11-29", "contract")
    table = PriceTable([own])
    assert table.cost(request("o3", "2025-05-01", input=1_000_000)) == pytest.approx(1)
    assert [each for each in table.listed() if each.model == "o3"] == [own]


def test_every_shipped_price_has_a_date_and_a_source() -> None:
    keys = set()
    for each in shipped_prices():
        assert each.source.startswith("https://")
        assert len(each.dated) == 10
        assert 0 < each.cache_read <= each.input < each.output
        assert bare_model(each.model) == each.model
        keys.add((each.model, each.effective_ms, each.above_tokens))
    assert len(keys) == len(shipped_prices())


def test_models_without_a_verified_price_are_named() -> None:
    own = ModelPrice("gpt-5.1-codex-max", 0, 0, 1, 1, 1, 1, 1, "2026-11-29", "contract")
    models = ["claude-opus-4-6", "gpt-5.1", "gemini-2.5-pro", "unknown", "gpt-5.1-codex-max"]
    shipped = PriceTable().unverified(models, date_ms("2026-11-29"))
    assert shipped == ["gpt-5.1", "gemini-2.5-pro", "gpt-5.1-codex-max"]
    assert PriceTable([own]).unverified(models, date_ms("2026-11-29")) == shipped[:-1]
