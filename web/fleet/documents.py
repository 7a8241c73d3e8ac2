"""JSON documents of hosts and alerts, for the API and the live stream.

Field names are the API's contract (docs/api.md). `_ms` are Unix milliseconds, `_s`
seconds, ratios 0 to 1; null is unknown. TypedDicts cost nothing at run time; mypy and the
tests hold the responses to them, and the OpenAPI document is generated from them.
"""

import math

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from storage.api.alerts import Alert, AlertState
from web.fleet.hosts import AlertCount, Figures, FleetHost, HostState


class FleetHostDocument(TypedDict):
    """A host; `id` is null for a host in the configuration file."""

    id: int | None
    name: str
    instance: str
    url: str
    pushes: bool
    labels: dict[str, str]
    state: HostState
    reason: str
    last_seen_ms: int | None
    interval_s: float | None
    timeout_s: float | None
    created_ms: int | None
    figures: Figures
    alerts: AlertCount


class AlertDocument(TypedDict):
    """An alert, which is open unless its state is `inactive` or `resolved`."""

    id: int
    rule: str
    state: AlertState
    severity: str
    labels: dict[str, str]
    annotations: dict[str, str]
    value: float | None
    active_ms: int
    changed_ms: int
    fired_ms: int | None
    resolved_ms: int | None
    acknowledged_by: str | None
    acknowledged_ms: int | None
    acknowledged_until_ms: int | None
    acknowledged_sticky: bool
    acknowledged_comment: str


def fleet_host_document(host: FleetHost) -> FleetHostDocument:
    """Return a host with its state, figures and alert counts."""
    return {
        "id": host.id,
        "name": host.name,
        "instance": host.instance,
        "url": host.url,
        "pushes": host.pushes,
        "labels": dict(host.labels),
        "state": host.state,
        "reason": host.reason,
        "last_seen_ms": host.last_seen_ms,
        "interval_s": host.interval_s,
        "timeout_s": host.timeout_s,
        "created_ms": host.created_ms,
        "figures": host.figures,
        "alerts": host.alerts,
    }


def alert_document(alert: Alert) -> AlertDocument:
    """Return an alert."""
    return {
        "id": alert.id,
        "rule": alert.rule,
        "state": alert.state,
        "severity": alert.labels.get("severity"),
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "value": finite(alert.value),
        "active_ms": alert.active_ms,
        "changed_ms": alert.changed_ms,
        "fired_ms": alert.fired_ms,
        "resolved_ms": alert.resolved_ms,
        "acknowledged_by": alert.acknowledged_by,
        "acknowledged_ms": alert.acknowledged_ms,
        "acknowledged_until_ms": alert.acknowledged_until_ms,
        "acknowledged_sticky": alert.acknowledged_sticky,
        "acknowledged_comment": alert.acknowledged_comment,
    }


def finite(value: float) -> float | None:
    """Return the value, or None for NaN and infinities, which JSON does not have.

    A rule whose series vanished has no value.
    """
    return value if math.isfinite(value) else None
