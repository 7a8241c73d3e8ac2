"""The reports over sessions: figures of a range, a developer's profile, insights."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analytics.sessions.pricing import bare_model
from analytics.sessions.settings import SessionSettings
from analytics.statistics.calendar import Interval, buckets, zone_of
from analytics.statistics.lagged_correlation import LaggedCorrelation, lagged_correlations
from model.clock import Clock
from storage.api.agent_sessions.outcomes import OutcomeKind, WorkOutcome
from storage.api.agent_sessions.reports import (
    ActionTotals,
    AgentSelection,
    AgentTotals,
    SessionSpread,
    UsageDimension,
    UsageGroup,
    UsageSeries,
)
from storage.api.agent_sessions.store import AgentSessionStore

DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000
QUANTILES: Final = (0.5, 0.95)
_MOST_GROUPS: Final = 100
_LEAST_ACTIVE_DAYS: Final = 10
_COMMITS: Final = "commits"


@dataclass(frozen=True, slots=True)
class AgentFigures:
    """The figures of a range.

    Attributes:
        start_ms, end_ms: the range.
        approved_share: the share of requests to approved models; None without an agreement.
        outcomes: the pull requests, reviews and commits of the range.
    """

    start_ms: int
    end_ms: int
    sessions: int
    totals: AgentTotals
    actions: ActionTotals
    spread: SessionSpread
    approved_share: float | None
    outcomes: Sequence[WorkOutcome]

    @property
    def hours(self) -> float:
        """The length of the range."""
        return (self.end_ms - self.start_ms) / _HOUR_MS

    @property
    def acceptance_by_count(self) -> float | None:
        """The share of decided edits that were accepted, None without one."""
        decided = self.actions.accepted + self.actions.rejected
        return self.actions.accepted / decided if decided else None

    @property
    def acceptance_by_lines(self) -> float | None:
        """The share of proposed lines that were accepted, None without one."""
        proposed = self.actions.lines_added
        return self.actions.accepted_lines / proposed if proposed else None

    @property
    def error_share(self) -> float | None:
        """The share of requests that failed, None without a request."""
        return self.totals.errors / self.totals.requests if self.totals.requests else None

    @property
    def tokens_per_line(self) -> float | None:
        """Tokens for each accepted line, None without one."""
        lines = self.actions.accepted_lines
        return self.totals.tokens.total / lines if lines else None

    @property
    def merged(self) -> Sequence[WorkOutcome]:
        """The pull requests that were merged within the range."""
        return [
            one
            for one in self.outcomes
            if one.kind is OutcomeKind.PULL_REQUEST
            and one.state == "merged"
            and one.ended_ms is not None
            and self.start_ms <= one.ended_ms < self.end_ms
        ]

    @property
    def commits(self) -> Sequence[WorkOutcome]:
        """The commits of the range."""
        return [one for one in self.outcomes if one.kind is OutcomeKind.COMMIT]

    @property
    def commits_per_active_day(self) -> float | None:
        """Commits for each day with one, None without a commit."""
        days = {one.time_ms // DAY_MS for one in self.commits}
        return len(self.commits) / len(days) if days else None

    @property
    def merge_hours(self) -> float | None:
        """The mean time from opening to merging, None without a merged pull request."""
        hours = [(one.ended_ms - one.time_ms) / _HOUR_MS for one in self.merged if one.ended_ms]
        return sum(hours) / len(hours) if hours else None

    @property
    def rework_share(self) -> float | None:
        """The share of pull requests that were reopened or sent back; None without one."""
        pulls = {
            (one.repository, one.number): one.is_reopened
            for one in self.outcomes
            if one.kind is OutcomeKind.PULL_REQUEST
        }
        for one in self.outcomes:
            if one.kind is OutcomeKind.REVIEW and one.state == "changes_requested":
                place = (one.repository, one.number)
                if place in pulls:
                    pulls[place] = True
        return sum(pulls.values()) / len(pulls) if pulls else None


@dataclass(frozen=True, slots=True)
class DeveloperProfile:
    """The sessions and usage of one developer, or of all together.

    Attributes:
        developer: None for all.
        days: the sessions of every day of the range.
    """

    developer: str | None
    sessions: int
    totals: AgentTotals
    actions: ActionTotals
    models: Sequence[UsageGroup]
    projects: Sequence[UsageGroup]
    days: Mapping[str, int]

    @property
    def active_days(self) -> Mapping[str, int]:
        """The days with a session."""
        return {day: sessions for day, sessions in self.days.items() if sessions}


@dataclass(frozen=True, slots=True)
class AgentInsights:
    """The insights from the days of a range.

    Attributes:
        correlations: every pair and lag that was tried.
        findings: those that hold beside all others.
        refused: whether there are too few days for any answer.
        anomalies: days whose cost is far from the median, with their cost.
    """

    days: int
    correlations: Sequence[LaggedCorrelation]
    findings: Sequence[LaggedCorrelation]
    refused: bool
    anomalies: Sequence[tuple[str, float]]


class AgentReports:
    """Answers reports; a day is a date in UTC, as in prodlens."""

    def __init__(self, store: AgentSessionStore, settings: SessionSettings, clock: Clock) -> None:
        self._store, self._settings, self._clock = store, settings, clock

    def last_days(self, days: int) -> tuple[int, int]:
        """Return the range of the last days, up to now."""
        end_ms = self._clock() + 1
        return end_ms - days * DAY_MS, end_ms

    async def figures(self, selection: AgentSelection) -> AgentFigures:
        """Return the figures of a range."""
        store = self._store
        sessions, totals, actions, spread, models, outcomes = await asyncio.gather(
            store.session_count(selection),
            store.totals(selection),
            store.action_totals(selection),
            store.spread(selection, QUANTILES),
            store.usage(selection, UsageDimension.MODEL, _MOST_GROUPS),
            store.outcomes(selection.start_ms, selection.end_ms),
        )
        return AgentFigures(
            selection.start_ms,
            selection.end_ms,
            sessions,
            totals,
            actions,
            spread,
            self._approved_share(models),
            outcomes,
        )

    def _approved_share(self, models: Sequence[UsageGroup]) -> float | None:
        approved = {bare_model(name) for name in self._settings.approved_models}
        requests = sum(one.totals.requests for one in models)
        if not approved or not requests:
            return None
        good = sum(one.totals.requests for one in models if bare_model(one.value) in approved)
        return good / requests

    async def profile(self, developer: str | None, days: int) -> DeveloperProfile:
        """Return what a developer did in the last days, what all did for None."""
        start_ms, end_ms = self.last_days(days)
        selection = AgentSelection(start_ms, end_ms, developer=developer)
        store = self._store
        labels, edges_ms = await _days(start_ms, end_ms)
        count, totals, actions, models, projects, by_day = await asyncio.gather(
            store.session_count(selection),
            store.totals(selection),
            store.action_totals(selection),
            store.usage(selection, UsageDimension.MODEL, _MOST_GROUPS),
            store.usage(selection, UsageDimension.PROJECT, _MOST_GROUPS),
            store.sessions_by_bucket(selection, edges_ms),
        )
        by_date = dict(zip(labels, by_day.tolist(), strict=True))
        return DeveloperProfile(developer, count, totals, actions, models, projects, by_date)

    async def daily(self, selection: AgentSelection) -> tuple[Sequence[str], UsageSeries]:
        """Return the dates of a range and the usage of each."""
        labels, edges_ms = await _days(selection.start_ms, selection.end_ms)
        return labels, await self._store.usage_series(selection, edges_ms)

    async def insights(self, days: int, lags_days: Sequence[int]) -> AgentInsights:
        """Return how the usage of days goes with outcomes of the same and of later days."""
        # Whole days only: the current one would always look like a decline.
        end_ms = self._clock() // DAY_MS * DAY_MS
        start_ms = end_ms - days * DAY_MS
        selection = AgentSelection(start_ms, end_ms)
        labels, edges_ms = await _days(start_ms, end_ms)
        usage, sessions, outcomes, oldest = await asyncio.gather(
            self._store.usage_series(selection, edges_ms),
            self._store.sessions_by_bucket(selection, edges_ms),
            self._store.outcomes(start_ms, end_ms),
            self._store.oldest_records(),
        )
        causes = {
            "sessions": sessions.astype(np.float64),
            "tokens": usage.tokens.astype(np.float64),
            "cost_usd": usage.cost_usd,
        }
        effects = _outcome_series(outcomes, edges_ms)
        starts_ms = edges_ms[:-1]
        causes = {
            name: _known_since(each, starts_ms, oldest.session_ms) for name, each in causes.items()
        }
        effects = {
            name: _known_since(
                each, starts_ms, oldest.commit_ms if name == _COMMITS else oldest.merge_ms
            )
            for name, each in effects.items()
        }
        # A year at seven lags is a hundred small arrays.
        found = await asyncio.to_thread(lagged_correlations, causes, effects, lags_days)
        return AgentInsights(
            days,
            found,
            [one for one in found if one.is_significant],
            all(one.r is None for one in found),
            _anomalies(labels, usage.cost_usd),
        )


async def _days(start_ms: int, end_ms: int) -> tuple[Sequence[str], NDArray[np.int64]]:
    # The first use of a zone reads a file.
    zone = await asyncio.to_thread(zone_of, "UTC")
    found = buckets(start_ms, end_ms, Interval.DAY, zone)
    return found.labels, found.edges_ms


def _outcome_series(
    outcomes: Sequence[WorkOutcome], edges_ms: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """Return daily counts of outcomes, and the merge time of days with a merged request."""
    size = len(edges_ms) - 1
    commits, merged, hours = np.zeros(size), np.zeros(size), np.zeros(size)

    def day(time_ms: int) -> int | None:
        place = int(np.searchsorted(edges_ms, time_ms, side="right")) - 1
        return place if 0 <= place < size else None

    for one in outcomes:
        if one.kind is OutcomeKind.COMMIT and (place := day(one.time_ms)) is not None:
            commits[place] += 1
        if one.kind is OutcomeKind.PULL_REQUEST and one.state == "merged" and one.ended_ms:
            place = day(one.ended_ms)
            if place is not None:
                merged[place] += 1
                hours[place] += (one.ended_ms - one.time_ms) / _HOUR_MS
    with np.errstate(invalid="ignore"):
        mean_hours = np.where(merged > 0, hours / np.maximum(merged, 1), np.nan)
    return {_COMMITS: commits, "merged_prs": merged, "pr_merge_hours": mean_hours}


def _known_since(
    values: NDArray[np.float64], starts_ms: NDArray[np.int64], oldest_ms: int | None
) -> NDArray[np.float64]:
    """Return daily values, NaN for the days that began before the oldest record.

    Nothing was reported on these days, which is no zero: two series that begin on the same
    day correlate, whatever they count.
    """
    if oldest_ms is None:
        return np.full_like(values, np.nan)
    return np.where(starts_ms >= oldest_ms, values, np.nan)


def _anomalies(labels: Sequence[str], cost: NDArray[np.float64]) -> list[tuple[str, float]]:
    """Return the days that cost far more than usual: over 5 deviations above the median."""
    active = cost[cost > 0]
    if len(active) < _LEAST_ACTIVE_DAYS:
        return []
    median = float(np.median(active))
    deviation = 1.4826 * float(np.median(np.abs(active - median)))
    if not deviation:
        return []
    limit = median + 5 * deviation
    return [(label, float(each)) for label, each in zip(labels, cost, strict=False) if each > limit]


def most_common(groups: Sequence[UsageGroup]) -> list[tuple[str, int]]:
    """Return the values of groups with their sessions, most first."""
    counts = Counter({one.value: one.sessions for one in groups if one.value})
    return counts.most_common()
