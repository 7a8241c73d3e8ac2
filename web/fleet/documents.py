"""The JSON form of each noun: field names are the API's contract (docs/api.md)."""

import math

from storage.api.accounts import Credential, User
from storage.api.alerts import Alert, Notification, Transition
from web.fleet.document_types import (
    AccessTokenDocument,
    AlertDocument,
    CheckDocument,
    CredentialDocument,
    FleetHostDocument,
    NotificationDocument,
    SessionDocument,
    TransitionDocument,
    UserDocument,
)
from web.fleet.fleet import FleetHost
from web.hosts.checks import HostCheckView
from web.http.routing import Principal
from web.identity.access_tokens import AccessToken


def _number(value: float) -> float | None:
    # JSON has no NaN: a rule whose series vanished has no value.
    return value if math.isfinite(value) else None


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


def check_document(view: HostCheckView) -> CheckDocument:
    """Return a check of a host: what holds, and what would without its own settings."""
    return {
        "check": view.check,
        "title": view.title,
        "enabled": view.enabled,
        "warning": view.warning,
        "critical": view.critical,
        "recovery": view.recovery,
        "for_s": view.for_s,
        "own": view.own,
        "conditions": view.conditions,
        "default": {
            "enabled": view.default.enabled,
            "warning": view.default.warning,
            "critical": view.default.critical,
            "recovery": view.default.recovery,
            "for_s": view.default.timing.for_ms / 1000,
        },
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
        "value": _number(alert.value),
        "active_ms": alert.active_ms,
        "changed_ms": alert.changed_ms,
        "fired_ms": alert.fired_ms,
        "resolved_ms": alert.resolved_ms,
        "acknowledged_by": alert.acknowledged_by,
        "acknowledged_ms": alert.acknowledged_ms,
    }


def transition_document(transition: Transition) -> TransitionDocument:
    """Return one change of an alert's state."""
    return {
        "id": transition.id,
        "alert_id": transition.alert_id,
        "rule": transition.rule,
        "labels": dict(transition.labels),
        "before": transition.before,
        "after": transition.after,
        "time_ms": transition.time_ms,
        "value": _number(transition.value),
        "actor": transition.actor,
    }


def notification_document(notification: Notification) -> NotificationDocument:
    """Return a notification; its body may hold what only the receiver should know."""
    return {
        "id": notification.id,
        "alert_id": notification.alert_id,
        "receiver": notification.receiver,
        "created_ms": notification.created_ms,
        "next_attempt_ms": notification.next_attempt_ms,
        "attempts": notification.attempts,
        "delivered_ms": notification.delivered_ms,
        "abandoned_ms": notification.abandoned_ms,
        "last_error": notification.last_error,
    }


def access_token_document(issued: AccessToken) -> AccessTokenDocument:
    """Return a JSON Web Token as OAuth's token endpoints answer."""
    return {
        "access_token": issued.token,
        "token_type": "bearer",
        "expires_in": issued.lifetime_s,
    }


def user_document(user: User) -> UserDocument:
    """Return a user without the password hash."""
    return {"id": user.id, "name": user.name, "role": user.role, "created_ms": user.created_ms}


def credential_document(credential: Credential, current_id: int | None) -> CredentialDocument:
    """Return a session or token without its hash."""
    return {
        "id": credential.id,
        "kind": credential.kind,
        "label": credential.label,
        "created_ms": credential.created_ms,
        "expires_ms": credential.expires_ms,
        "last_used_ms": credential.last_used_ms,
        "scopes": sorted(credential.scopes),
        "current": credential.id == current_id,
    }


def principal_document(principal: Principal) -> SessionDocument:
    """Return who is logged in."""
    credential = principal.credential
    return {
        "user": {"name": principal.name, "role": principal.role} if principal.user else None,
        "role": principal.role,
        "credential": credential.kind if credential else None,
        "expires_ms": credential.expires_ms if credential else None,
        "scopes": sorted(principal.scopes),
    }
