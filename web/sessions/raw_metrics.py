"""The sums behind the figures of `/api/metrics`."""

import asyncio
from collections.abc import Sequence
from typing import Final

from typing_extensions import TypedDict

from analytics.sessions.reports import QUANTILES
from analytics.sessions.service import AgentSessions
from storage.api.agent_sessions.reports import AgentSelection, UsageDimension
from web.sessions.documents import AgentUsageDocument, iso, known_cost, usage_document

_MOST_GROUPS: Final = 500


class UsageOfDayDocument(TypedDict):
    """The usage of one date."""

    date: str
    requests: int
    tokens: int
    cost_usd: float


class ToolUsageDocument(TypedDict):
    """The calls of a tool, and the cost of the requests that called it."""

    name: str
    calls: int
    failed: int
    rejected: int
    cost_usd: float | None


class RawMetricsDocument(TypedDict):
    """Sums over the range, and by model, tool and day."""

    since: str
    until: str
    sessions: int
    requests: int
    errors: int
    tokens: dict[str, int]
    cost_usd: float | None
    unpriced_tokens: int
    accepted_edits: int
    rejected_edits: int
    accepted_lines: int
    proposed_lines: int
    commits: int
    merged_pull_requests: int
    session_length_s: dict[str, float | None]
    session_cost_usd: dict[str, float | None]
    latency_ms: dict[str, float | None]
    models: list[AgentUsageDocument]
    tools: list[ToolUsageDocument]
    days: list[UsageOfDayDocument]
    timestamp: str


async def raw_metrics_document(
    sessions: AgentSessions, selection: AgentSelection, now_ms: int
) -> RawMetricsDocument:
    """Return the sums of a range."""
    figures, models, tools, (labels, series) = await asyncio.gather(
        sessions.reports.figures(selection),
        sessions.store.usage(selection, UsageDimension.MODEL, _MOST_GROUPS),
        sessions.store.tools(selection, _MOST_GROUPS),
        sessions.reports.daily(selection),
    )
    tokens, actions, spread = figures.totals.tokens, figures.actions, figures.spread
    return RawMetricsDocument(
        since=iso(selection.start_ms),
        until=iso(selection.end_ms),
        sessions=figures.sessions,
        requests=figures.totals.requests,
        errors=figures.totals.errors,
        tokens={
            "input": tokens.input,
            "output": tokens.output,
            "cache_read": tokens.cache_read,
            "cache_write_5m": tokens.cache_write_5m,
            "cache_write_1h": tokens.cache_write_1h,
            "reasoning": tokens.reasoning,
        },
        cost_usd=known_cost(figures.totals),
        unpriced_tokens=figures.totals.unpriced_tokens,
        accepted_edits=actions.accepted,
        rejected_edits=actions.rejected,
        accepted_lines=actions.accepted_lines,
        proposed_lines=actions.lines_added,
        commits=len(figures.commits),
        merged_pull_requests=len(figures.merged),
        session_length_s=_quantiles([spread.length_ms[each] / 1000 for each in QUANTILES]),
        session_cost_usd=_quantiles([spread.cost_usd[each] for each in QUANTILES]),
        latency_ms=_quantiles([spread.latency_ms[each] for each in QUANTILES]),
        models=[usage_document(group) for group in models],
        tools=[
            ToolUsageDocument(
                name=tool.name,
                calls=tool.calls,
                failed=tool.errors,
                rejected=tool.rejected,
                cost_usd=tool.cost_usd,
            )
            for tool in tools
        ],
        days=[
            UsageOfDayDocument(
                date=label,
                requests=int(series.requests[place]),
                tokens=int(series.tokens[place]),
                cost_usd=float(series.cost_usd[place]),
            )
            for place, label in enumerate(labels)
        ],
        timestamp=iso(now_ms),
    )


def _quantiles(values: Sequence[float]) -> dict[str, float | None]:
    return {
        f"p{quantile * 100:.0f}": None if value != value else value
        for quantile, value in zip(QUANTILES, values, strict=True)
    }
