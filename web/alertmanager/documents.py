"""JSON documents of API v2, with Alertmanager's names."""

import datetime as dt
from typing import Any, NotRequired

from typing_extensions import TypedDict

from alerting.routing.alerts import RoutedAlert
from alerting.routing.silences import Silence, SilenceState
from model.matchers import MatchOperator


def moment(time_ms: int) -> str:
    """Return a time as Alertmanager writes it."""
    at = dt.datetime.fromtimestamp(time_ms / 1000, dt.UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


class MatcherDocument(TypedDict):
    """A matcher."""

    name: str
    value: str
    isRegex: bool
    isEqual: bool


class SilenceStatusDocument(TypedDict):
    """The state of a silence: `pending`, `active` or `expired`."""

    state: str


class SilenceDocument(TypedDict):
    """A silence."""

    id: str
    matchers: list[MatcherDocument]
    startsAt: str
    endsAt: str
    updatedAt: str
    createdBy: str
    comment: str
    annotations: NotRequired[dict[str, str]]
    status: SilenceStatusDocument


class SilenceIdDocument(TypedDict):
    """The id of a stored silence."""

    silenceID: str


class ReceiverNameDocument(TypedDict):
    """A receiver."""

    name: str


class AlertStatusDocument(TypedDict):
    """The state of an alert: `active`, `suppressed` or `unprocessed`."""

    state: str
    silencedBy: list[str]
    inhibitedBy: list[str]
    mutedBy: list[str]


class RoutedAlertDocument(TypedDict):
    """An alert with the receivers that its routes name."""

    labels: dict[str, str]
    annotations: dict[str, str]
    startsAt: str
    endsAt: str
    updatedAt: str
    generatorURL: str
    fingerprint: str
    receivers: list[ReceiverNameDocument]
    status: AlertStatusDocument


class AlertGroupDocument(TypedDict):
    """The alerts of one group."""

    labels: dict[str, str]
    receiver: ReceiverNameDocument
    alerts: list[RoutedAlertDocument]


class AlertmanagerStatusDocument(TypedDict):
    """The state of the server, in Alertmanager's form."""

    cluster: dict[str, Any]
    versionInfo: dict[str, str]
    config: dict[str, str]
    uptime: str


def silence_document(silence: Silence, now_ms: int) -> SilenceDocument:
    """Return a silence."""
    regex = (MatchOperator.MATCHES, MatchOperator.NOT_MATCHES)
    equal = (MatchOperator.EQUAL, MatchOperator.MATCHES)
    document: SilenceDocument = {
        "id": silence.id,
        "matchers": [
            {
                "name": each.name,
                "value": each.value,
                "isRegex": each.operator in regex,
                "isEqual": each.operator in equal,
            }
            for each in silence.matchers
        ],
        "startsAt": moment(silence.starts_ms),
        "endsAt": moment(silence.ends_ms),
        "updatedAt": moment(silence.updated_ms),
        "createdBy": silence.created_by,
        "comment": silence.comment,
        "status": {"state": _state(silence, now_ms)},
    }
    if silence.annotations:
        document["annotations"] = dict(silence.annotations)
    return document


def _state(silence: Silence, now_ms: int) -> str:
    """Return the state of a silence; a maintenance window that is closed now is pending."""
    state = silence.state(now_ms)
    is_closed = state is SilenceState.ACTIVE and not silence.holds(now_ms)
    return (SilenceState.PENDING if is_closed else state).value


def alert_document_of(
    alert: RoutedAlert, receivers: list[str], status: AlertStatusDocument, ends_ms: int
) -> RoutedAlertDocument:
    """Return an alert; `ends_ms` is when it counts as resolved unless it is reported again."""
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": moment(alert.starts_ms),
        "endsAt": moment(ends_ms),
        "updatedAt": moment(alert.updated_ms),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
        "receivers": [{"name": name} for name in receivers],
        "status": status,
    }
