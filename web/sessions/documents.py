"""Documents of the API of sessions; prodlens's fields come first and have its names."""

from collections.abc import Sequence
from datetime import UTC, datetime

from typing_extensions import TypedDict

from analytics.sessions.ingestion import IngestedTrace
from analytics.sessions.reports import AgentFigures, DeveloperProfile, most_common
from storage.api.agent_sessions.outcomes import WorkOutcome
from storage.api.agent_sessions.reports import (
    AgentSession,
    AgentTotals,
    SessionPage,
    TimelineEntry,
    UsageGroup,
)


class MetricValueDocument(TypedDict):
    """A figure; null where it cannot be known."""

    value: float | None
    unit: str
    threshold: float | None
    status: str


class AgentMetricsDocument(TypedDict):
    """The figures of a range."""

    ai_interaction_velocity: MetricValueDocument
    acceptance_rate: MetricValueDocument
    model_selection_accuracy: MetricValueDocument
    error_rate: MetricValueDocument
    token_efficiency: MetricValueDocument
    pr_throughput: MetricValueDocument
    commit_frequency: MetricValueDocument
    pr_merge_time_hours: MetricValueDocument
    rework_rate: MetricValueDocument
    timestamp: str


class AgentSessionDocument(TypedDict):
    """One session; `cost_usd` is null while no model of it has a price."""

    session_id: str
    developer_id: str | None
    timestamp: str
    model: str | None
    tokens_in: int
    tokens_out: int
    total_tokens: int
    latency_ms: float
    status_code: int | None
    accepted_flag: bool
    cost_usd: float | None
    diff_ratio: float | None
    accepted_lines: int
    agent: str
    team: str | None
    project: str | None
    branch: str | None
    models: list[str]
    started_at: str
    duration_s: float
    requests: int
    errors: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    unpriced_tokens: int
    prompts: int
    tool_calls: int
    edits: int
    commits: int


class AgentSessionListDocument(TypedDict):
    """One page of sessions."""

    sessions: list[AgentSessionDocument]
    total_count: int
    page: int
    page_size: int
    has_more: bool


class TimelineEntryDocument(TypedDict):
    """A request, a prompt, a tool call, an edit, a commit or a pull request."""

    time: str
    kind: str
    name: str
    tokens: int
    cost_usd: float | None
    duration_ms: int | None
    success: bool | None
    accepted: bool | None
    subagent: bool
    lines_added: int
    lines_removed: int
    reference: str
    content: str


class AgentSessionDetailsDocument(AgentSessionDocument):
    """One session with what happened in it."""

    repo_slug: str | None
    related_pr_number: int | None
    related_commits: list[str]
    timeline: list[TimelineEntryDocument]
    timeline_truncated: bool


class CountedValueDocument(TypedDict):
    """A value and its sessions."""

    value: str
    count: int


class DeveloperProfileDocument(TypedDict):
    """The sessions and usage of a developer."""

    developer_id: str | None
    total_sessions: int
    total_tokens_used: int
    total_cost_usd: float | None
    avg_latency_ms: float
    acceptance_rate: float
    most_used_models: list[CountedValueDocument]
    active_repos: list[CountedValueDocument]
    sessions_by_date: dict[str, int]
    unpriced_tokens: int


class AgentUsageDocument(TypedDict):
    """The usage of one value."""

    value: str
    sessions: int
    requests: int
    tokens: int
    cost_usd: float | None
    unpriced_tokens: int


class IngestedTraceDocument(TypedDict):
    """The outcome of a trace."""

    format: str
    requests: int
    actions: int
    stored: int
    updated: int
    duplicates: int


class StoredOutcomesDocument(TypedDict):
    """How many outcomes a document had, and how many were new or newer."""

    outcomes: int
    stored: int


def iso(time_ms: int) -> str:
    """Return a time in ISO 8601."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")


def known_cost(totals: AgentTotals) -> float | None:
    """Return the cost of what has a price, None if nothing has."""
    return None if totals.unpriced_tokens == totals.tokens.total > 0 else totals.cost_usd


def mean_latency_ms(totals: AgentTotals) -> float:
    """Return the mean duration of requests, 0 without one, as prodlens does."""
    return totals.duration_ms / totals.timed_requests if totals.timed_requests else 0.0


def _metric(value: float | None, unit: str) -> MetricValueDocument:
    status = "unknown" if value is None else "good"
    return MetricValueDocument(value=value, unit=unit, threshold=None, status=status)


def _percent(share: float | None) -> float | None:
    return None if share is None else share * 100


def metrics_document(figures: AgentFigures, now_ms: int) -> AgentMetricsDocument:
    """Return the figures of a range; a week of merged requests is scaled from it."""
    weeks = figures.hours / 168
    has_outcomes = bool(figures.outcomes)
    return AgentMetricsDocument(
        ai_interaction_velocity=_metric(figures.sessions / figures.hours, "sessions/hour"),
        acceptance_rate=_metric(_percent(figures.acceptance_by_count), "%"),
        model_selection_accuracy=_metric(_percent(figures.approved_share), "%"),
        error_rate=_metric(_percent(figures.error_share), "%"),
        token_efficiency=_metric(figures.tokens_per_line, "tokens/line"),
        pr_throughput=_metric(len(figures.merged) / weeks if has_outcomes else None, "PRs/week"),
        commit_frequency=_metric(figures.commits_per_active_day, "commits/day"),
        pr_merge_time_hours=_metric(figures.merge_hours, "hours"),
        rework_rate=_metric(_percent(figures.rework_share), "%"),
        timestamp=iso(now_ms),
    )


def session_document(session: AgentSession) -> AgentSessionDocument:
    """Return a session."""
    totals, actions = session.totals, session.actions
    tokens = totals.tokens
    changed = actions.lines_added
    return AgentSessionDocument(
        session_id=session.session_id,
        developer_id=session.developer or None,
        timestamp=iso(session.last_ms),
        model=session.models[0] if session.models else None,
        tokens_in=tokens.prompt,
        tokens_out=tokens.output,
        total_tokens=tokens.total,
        latency_ms=mean_latency_ms(totals),
        status_code=None,
        accepted_flag=actions.accepted > 0,
        cost_usd=known_cost(totals),
        diff_ratio=actions.accepted_lines / changed if changed else None,
        accepted_lines=actions.accepted_lines,
        agent=session.agent,
        team=session.team or None,
        project=session.project or None,
        branch=session.branch or None,
        models=list(session.models),
        started_at=iso(session.first_ms),
        duration_s=(session.last_ms - session.first_ms) / 1000,
        requests=totals.requests,
        errors=totals.errors,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write_5m + tokens.cache_write_1h,
        reasoning_tokens=tokens.reasoning,
        unpriced_tokens=totals.unpriced_tokens,
        prompts=actions.prompts,
        tool_calls=actions.tools,
        edits=actions.edits,
        commits=actions.commits,
    )


def session_list_document(found: SessionPage, page: int, size: int) -> AgentSessionListDocument:
    """Return one page of sessions."""
    return AgentSessionListDocument(
        sessions=[session_document(each) for each in found.sessions],
        total_count=found.count,
        page=page,
        page_size=size,
        has_more=page * size < found.count,
    )


def entry_document(entry: TimelineEntry) -> TimelineEntryDocument:
    """Return one line of a timeline."""
    return TimelineEntryDocument(
        time=iso(entry.time_ms),
        kind=entry.kind,
        name=entry.name,
        tokens=entry.tokens.total,
        cost_usd=entry.cost_usd,
        duration_ms=entry.duration_ms,
        success=entry.is_success,
        accepted=entry.is_accepted,
        subagent=entry.is_sidechain,
        lines_added=entry.lines_added,
        lines_removed=entry.lines_removed,
        reference=entry.reference,
        content=entry.content,
    )


def session_details_document(
    session: AgentSession,
    timeline: Sequence[TimelineEntry],
    outcomes: Sequence[WorkOutcome],
    most: int,
) -> AgentSessionDetailsDocument:
    """Return a session with its timeline and its outcomes."""
    pulls = [one.number for one in outcomes if one.kind == "pull_request"]
    commits = [one.commit_id for one in outcomes if one.kind == "commit"]
    own = [one.reference for one in timeline if one.kind == "commit"]
    return AgentSessionDetailsDocument(
        **session_document(session),
        repo_slug=next((one.repository for one in outcomes), session.project) or None,
        related_pr_number=pulls[0] if pulls else None,
        related_commits=commits + [one for one in own if not _is_known(one, commits)],
        timeline=[entry_document(each) for each in timeline[:most]],
        timeline_truncated=len(timeline) > most,
    )


def _is_known(short: str, commits: Sequence[str]) -> bool:
    return any(each.startswith(short) for each in commits)


def profile_document(profile: DeveloperProfile) -> DeveloperProfileDocument:
    """Return a profile; the acceptance rate is 0 to 1, and 0 without a decision."""
    decided = profile.actions.accepted + profile.actions.rejected
    return DeveloperProfileDocument(
        developer_id=profile.developer,
        total_sessions=profile.sessions,
        total_tokens_used=profile.totals.tokens.total,
        total_cost_usd=known_cost(profile.totals),
        avg_latency_ms=mean_latency_ms(profile.totals),
        acceptance_rate=profile.actions.accepted / decided if decided else 0.0,
        most_used_models=_counted(profile.models),
        active_repos=_counted(profile.projects),
        sessions_by_date=dict(profile.active_days),
        unpriced_tokens=profile.totals.unpriced_tokens,
    )


def _counted(groups: Sequence[UsageGroup]) -> list[CountedValueDocument]:
    return [CountedValueDocument(value=value, count=n) for value, n in most_common(groups)]


def usage_document(group: UsageGroup) -> AgentUsageDocument:
    """Return the usage of one value."""
    return AgentUsageDocument(
        value=group.value,
        sessions=group.sessions,
        requests=group.totals.requests,
        tokens=group.totals.tokens.total,
        cost_usd=known_cost(group.totals),
        unpriced_tokens=group.totals.unpriced_tokens,
    )


def ingested_document(trace: IngestedTrace) -> IngestedTraceDocument:
    """Return what became of a trace."""
    return IngestedTraceDocument(
        format=trace.trace_format.value,
        requests=trace.requests,
        actions=trace.actions,
        stored=trace.stored,
        updated=trace.updated,
        duplicates=trace.duplicates,
    )
