"""The open alerts that a reader wants to see, in order of urgency, in groups of one label."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from storage.api.alerts import Alert, AlertState, Severity
from web.alerts.matched_alerts import Hold, own_matchers
from web.http.parameters import Parameters

MOST_SHOWN: Final = 500
_USUAL_LABELS: Final = ("alertname", "instance", "severity")
_MOST_LABELS: Final = 20
_STATE_RANK: Final = {AlertState.FIRING: 0, AlertState.NO_DATA: 1, AlertState.PENDING: 2}


class AlertListQuery(Parameters):
    """The query of the list of open alerts.

    Attributes:
        q: words that all stand in an alert; `name=value` is a label.
        severity: the label `severity`.
        state: the state.
        handled: by whom: nobody yet, somebody, or held back by a silence or the tree.
        group: the label by which they are grouped.
    """

    q: Annotated[str, Field(max_length=500)] = ""
    severity: Annotated[str, Field(max_length=100)] = ""
    state: Literal["", "firing", "pending", "no_data"] = ""
    handled: Literal["", "nobody", "acknowledged", "held"] = ""
    group: Annotated[str, Field(max_length=200)] = ""

    @property
    def is_narrow(self) -> bool:
        """Whether some alerts may be left out."""
        return bool(self.q.strip() or self.severity or self.state or self.handled)


@dataclass(frozen=True, slots=True)
class AlertSection:
    """The alerts with one value of the label that groups them; one section without a label.

    Attributes:
        title: the value, or the name of the host.
        matchers: match these alerts, "" without a label.
        alerts: the most urgent first.
        acknowledgeable: ids of those that nobody has acknowledged.
    """

    title: str
    matchers: str
    alerts: tuple[Alert, ...]
    acknowledgeable: tuple[int, ...]


def listed(
    alerts: Iterable[Alert],
    query: AlertListQuery,
    host_names: Mapping[str, str],
    holds: Mapping[int, Hold],
) -> list[Alert]:
    """Return the alerts that a query asks for, the most urgent first."""
    words = query.q.casefold().split()
    found = [
        alert
        for alert in alerts
        if (not query.severity or alert.labels.get("severity") == query.severity)
        and (not query.state or alert.state == query.state)
        and _is_handled(alert, query.handled, holds)
        and (not words or _has_words(alert, words, host_names))
    ]
    return sorted(found, key=urgency)


def sections(
    alerts: Sequence[Alert], label: str, host_names: Mapping[str, str]
) -> list[AlertSection]:
    """Return alerts in groups of one label, in the order of their most urgent alert."""
    groups: dict[str, list[Alert]] = {}
    for alert in alerts:
        groups.setdefault(alert.labels.get(label) if label else "", []).append(alert)
    found = []
    for value, members in groups.items():
        title = host_names.get(value, value) if label == "instance" else value
        own = members[0].labels
        matchers = own_matchers(own.keep((label,))) if value else ""
        open_ids = tuple(each.id for each in members if each.acknowledged_by is None)
        found.append(AlertSection(title, matchers, tuple(members), open_ids))
    return found


def group_labels(alerts: Iterable[Alert]) -> list[str]:
    """Return the labels that alerts can be grouped by, the usual ones first."""
    names = {name for alert in alerts for name, _ in alert.labels}
    further = sorted(names - set(_USUAL_LABELS))
    return [name for name in _USUAL_LABELS if name in names] + further[:_MOST_LABELS]


def severities(alerts: Iterable[Alert]) -> list[str]:
    """Return the severities of alerts, critical and warning first."""
    usual = [each.value for each in (Severity.CRITICAL, Severity.WARNING)]
    further = {alert.labels.get("severity") for alert in alerts} - {"", *usual}
    return usual + sorted(further)


def urgency(alert: Alert) -> tuple[bool, int, bool, int]:
    """Return the sort key of an open alert: unacknowledged and severe alerts come first."""
    return (
        alert.acknowledged_by is not None,
        _STATE_RANK.get(alert.state, 3),
        alert.labels.get("severity") != Severity.CRITICAL,
        -alert.active_ms,
    )


def _is_handled(alert: Alert, handled: str, holds: Mapping[int, Hold]) -> bool:
    match handled:
        case "nobody":
            return alert.acknowledged_by is None and alert.id not in holds
        case "acknowledged":
            return alert.acknowledged_by is not None
        case "held":
            return alert.id in holds
        case _:
            return True


def _has_words(alert: Alert, words: Iterable[str], host_names: Mapping[str, str]) -> bool:
    labels = [f"{name}={value}" for name, value in alert.labels]
    host = host_names.get(alert.labels.get("instance"), "")
    texts = [text for _, text in alert.annotations]
    text = "\n".join([host, *labels, *texts, alert.acknowledged_by or ""]).casefold()
    return all(word in text for word in words)
