"""Counters of tokens and cost, for budgets: by team, model and type.

Only what was used lately counts: a server that imports years of traces must not report the
dollars of years as spent within a minute.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from analytics.series.counters import OTHER, BoundedKeys
from model.labels import METRIC_NAME, Labels
from storage.api.agent_sessions.records import TokenCounts, UsageIncrease

COST: Final = "redshank_session_cost_dollars_total"
TOKENS: Final = "redshank_session_tokens_total"
MODELS_PER_TEAM: Final = 50
MOST_TEAM_MODELS: Final = 1_000
LIVE_MS: Final = 24 * 3_600_000
"""Usage that is older when it arrives does not count."""

_TYPES: Final = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
_Key = tuple[str, ...]


class SessionCounters:
    """Counts what arrives, once it is stored."""

    def __init__(self) -> None:
        self._keys = BoundedKeys(MODELS_PER_TEAM, MOST_TEAM_MODELS)
        self._cost: defaultdict[_Key, float] = defaultdict(float)
        self._tokens: Counter[_Key] = Counter()

    def count(self, increases: Iterable[UsageIncrease], now_ms: int) -> None:
        """Count usage by its team and model."""
        for one in increases:
            if one.time_ms < now_ms - LIVE_MS:
                continue
            key = self._keys.key(one.team, (one.model,))
            self._cost[key] += one.cost_usd
            self._add_tokens(key, one.tokens)

    def _add_tokens(self, key: _Key, tokens: TokenCounts) -> None:
        for kind in _TYPES:
            if number := getattr(tokens, kind):
                self._tokens[*key, kind] += number

    def series(self) -> dict[Labels, float]:
        """Return every series with its value."""
        found = {
            Labels.of({METRIC_NAME: COST, "team": team, "model": model}): float(cost)
            for (team, model), cost in self._cost.items()
        }
        for (team, model, kind), number in self._tokens.items():
            labels = {METRIC_NAME: TOKENS, "team": team, "model": model, "type": kind}
            found[Labels.of(labels)] = float(number)
        return found

    def restore(self, series: Mapping[Labels, float]) -> None:
        """Add values that were stored, so that no counter falls after a restart."""
        for labels, value in series.items():
            names = dict(labels)
            key = self._keys.key(names.get("team", ""), (names.get("model", OTHER),))
            if names[METRIC_NAME] == COST:
                self._cost[key] += value
            elif names[METRIC_NAME] == TOKENS and names.get("type") in _TYPES:
                self._tokens[*key, names["type"]] += round(value)
