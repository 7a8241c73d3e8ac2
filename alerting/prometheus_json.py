"""Rules and alerts as the `data` of Prometheus's `/api/v1/rules` and `/api/v1/alerts`.

Source: Prometheus documentation, "HTTP API", rules and alerts; web/api/v1/api.go.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from alerting.book.observation import OpenAlert
from alerting.receivers.webhook_body import rfc3339
from alerting.templates.values.floats import format_exponent
from alerting.views import GroupView, RuleKind, RuleView
from promql.syntax.parser import parse
from promql.syntax.printer import text
from storage.api.alerts import Alert, AlertState

_CACHED_QUERIES: Final = 10_000


def alerts_data(alerts: Iterable[OpenAlert]) -> dict[str, Any]:
    """Return the `data` of `/api/v1/alerts`."""
    return {"alerts": [_alert(item.alert) for item in alerts]}


def rules_data(groups: Iterable[GroupView]) -> dict[str, Any]:
    """Return the `data` of `/api/v1/rules`."""
    return {"groups": [_group(group) for group in groups]}


def _state(state: AlertState, *, fired: bool) -> str:
    """Return a state of Prometheus; *no data* is firing if the alert has fired, else pending."""
    if state is AlertState.NO_DATA:
        return "firing" if fired else "pending"
    return state.value


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "state": _state(alert.state, fired=alert.fired_ms is not None),
        "activeAt": rfc3339(alert.active_ms),
        "value": format_exponent(alert.value),
    }


def _group(group: GroupView) -> dict[str, Any]:
    return {
        "name": group.name,
        "file": group.file,
        "interval": group.interval_ms / 1000,
        "limit": group.limit,
        "rules": [_rule(rule) for rule in group.rules],
        "evaluationTime": group.duration_ms / 1000,
        "lastEvaluation": rfc3339(group.evaluated_ms),
    }


@lru_cache(_CACHED_QUERIES)
def _normalised(query: str) -> str:
    """Return a query in the layout in which Prometheus lists it."""
    return text(parse(query))


def _rule(rule: RuleView) -> dict[str, Any]:
    health = rule.health
    shared = {
        "name": rule.name,
        "query": _normalised(rule.query),
        "labels": dict(rule.labels),
        "health": health.word,
        **({"lastError": health.error} if health.error else {}),
        "evaluationTime": health.duration_ms / 1000,
        "lastEvaluation": rfc3339(health.evaluated_ms),
        "type": rule.kind.value,
    }
    if rule.kind is RuleKind.RECORDING:
        return shared
    fired = any(item.alert.fired_ms is not None for item in rule.alerts)
    return shared | {
        "state": _state(rule.state, fired=fired),
        "duration": rule.for_ms / 1000,
        "keepFiringFor": rule.keep_firing_for_ms / 1000,
        "annotations": dict(rule.annotations),
        "alerts": [_alert(item.alert) for item in rule.alerts],
    }
