"""The shape of each JSON document: mypy holds the code to it, the API document tells it.

TypedDicts cost nothing where the documents are made; tests hold running answers to them.
`_ms` are Unix milliseconds, `_s` seconds, ratios 0 to 1; null is unknown.
"""

from collections.abc import Mapping
from typing import Literal, NotRequired

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from storage.api.accounts import CredentialKind, Role, Scope
from storage.api.alerts import AlertState, Severity
from web.fleet.fleet import AlertCount, Figures, HostState


class ErrorDocument(TypedDict):
    """What went wrong; `field` names the parameter at fault where there is one.

    A fault of ours carries the request's id, which is in the server's log.
    """

    error: str
    field: NotRequired[str]
    request_id: NotRequired[str]


class ReloadDocument(TypedDict):
    """The settings that only a restart applies."""

    restart_needed: list[str]


class FleetHostDocument(TypedDict):
    """A host; without an id it comes from the configuration file."""

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


class HostsDocument(TypedDict):
    """Hosts."""

    hosts: list[FleetHostDocument]


class CheckDefaultsDocument(TypedDict):
    """A check as it is without settings of a host's own; thresholds in percent."""

    enabled: bool
    warning: float | None
    critical: float | None
    recovery: float | None
    for_s: float


class CheckDocument(CheckDefaultsDocument):
    """A check of one host; `own` tells that it has settings of its own.

    `conditions` is the PromQL of its alerts, by severity.
    """

    check: str
    title: str
    own: bool
    conditions: Mapping[Severity, str]
    default: CheckDefaultsDocument


class ChecksDocument(TypedDict):
    """A host's checks."""

    checks: list[CheckDocument]


class ChartLineDocument(TypedDict):
    """One line; `values` lie on the charts' shared times."""

    name: str
    mirrored: bool
    values: list[float | None]


class ChartDocument(TypedDict):
    """One chart, and the PromQL that it shows."""

    key: str
    title: str
    unit: Literal["ratio", "number", "bytes", "bytes_per_s", "celsius"]
    stacked: bool
    queries: list[str]
    lines: list[ChartLineDocument]


class ChartsDocument(TypedDict):
    """A host's charts on the times `start_ms`, `start_ms + step_ms`, … `end_ms`."""

    start_ms: int
    end_ms: int
    step_ms: int
    charts: list[ChartDocument]


class AlertDocument(TypedDict):
    """An alert; it is open unless its state is `inactive` or `resolved`."""

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


class AlertsDocument(TypedDict):
    """Alerts."""

    alerts: list[AlertDocument]


class TransitionDocument(TypedDict):
    """A change of an alert's state; an acknowledgement is one to the same state."""

    id: int
    alert_id: int
    rule: str
    labels: dict[str, str]
    before: AlertState
    after: AlertState
    time_ms: int
    value: float | None
    actor: str | None


class TransitionsDocument(TypedDict):
    """Changes of state, newest first."""

    transitions: list[TransitionDocument]


class AlertWithHistoryDocument(AlertDocument):
    """An alert with its changes of state, newest first."""

    transitions: list[TransitionDocument]


class NotificationDocument(TypedDict):
    """What was told, or is to be told, to one receiver."""

    id: int
    alert_id: int
    receiver: str
    created_ms: int
    next_attempt_ms: int
    attempts: int
    delivered_ms: int | None
    abandoned_ms: int | None
    last_error: str | None


class NotificationsDocument(TypedDict):
    """Notifications, newest first."""

    notifications: list[NotificationDocument]


class ReceiverDocument(TypedDict):
    """Somebody who is told of alerts."""

    name: str
    type: str


class ReceiversDocument(TypedDict):
    """Who is told of alerts."""

    receivers: list[ReceiverDocument]


class AccessTokenDocument(TypedDict):
    """A bearer token, valid for `expires_in` seconds."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: int


class UserDocument(TypedDict):
    """A user."""

    id: int
    name: str
    role: Role
    created_ms: int


class UsersDocument(TypedDict):
    """Users."""

    users: list[UserDocument]


class CredentialDocument(TypedDict):
    """A session or token; `current` is the one that the request came with."""

    id: int
    kind: CredentialKind
    label: str
    created_ms: int
    expires_ms: int
    last_used_ms: int
    scopes: list[Scope]
    current: bool


class CredentialsDocument(TypedDict):
    """Sessions and tokens."""

    credentials: list[CredentialDocument]


class NewTokenDocument(CredentialDocument):
    """A new token with its secret, which is told only now."""

    access_token: str


class SessionUserDocument(TypedDict):
    """Who is logged in."""

    name: str
    role: Role


class SessionDocument(TypedDict):
    """Who sends the request; without a user it is the anonymous viewer."""

    user: SessionUserDocument | None
    role: Role
    credential: CredentialKind | None
    expires_ms: int | None
    scopes: list[Scope]
