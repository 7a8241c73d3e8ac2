"""The data of notification templates.

Source: Alertmanager documentation, "Notification template reference"; Alertmanager,
template/template.go.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from alerting.templates.values.times import TimeValue
from alerting.templates.values.values import (
    MapValue,
    SliceValue,
    StructValue,
    TemplateFunction,
    Value,
    strings,
)
from model.labels import Labels, fingerprint

_ALERT_NAME = "alertname"
_ZERO_TIME = TimeValue(-62_135_596_800 * 1_000_000_000)
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")
_STRINGS = "[]string"


class Pair(StructValue):
    """A label or annotation: `.Name` and `.Value`."""

    __slots__ = ()
    go_type = "template.Pair"


class Pairs(SliceValue):
    """Labels or annotations in order; written as `a=b, c=d`."""

    __slots__ = ()

    def __init__(self, items: Iterable[Value], element: str = "", go_type: str = "") -> None:
        super().__init__(items, element or Pair.go_type, go_type or "template.Pairs")

    def __str__(self) -> str:
        return ", ".join(f"{item.fields['Name']}={item.fields['Value']}" for item in self.items)


class LabelMap(MapValue):
    """Labels or annotations by name."""

    __slots__ = ()

    def __init__(self, labels: Mapping[str, str]) -> None:
        super().__init__(labels, "string", "template.KV")

    @property
    def pairs(self) -> Pairs:
        """The entries by name, `alertname` first."""
        ordered = sorted(self.entries.items(), key=lambda item: (item[0] != _ALERT_NAME, item[0]))
        return Pairs([Pair(Name=name, Value=value) for name, value in ordered])

    def without(self, names: SliceValue | None) -> "LabelMap":
        """Return the entries whose names are not in a list."""
        removed = set(() if names is None else names.items)
        return LabelMap({name: text for name, text in self.entries.items() if name not in removed})

    def __str__(self) -> str:
        return str(self.pairs)


class AlertValue(StructValue):
    """An alert in a notification."""

    __slots__ = ()
    go_type = "template.Alert"
    json_names = MappingProxyType(
        {
            "Status": "status",
            "Labels": "labels",
            "Annotations": "annotations",
            "StartsAt": "startsAt",
            "EndsAt": "endsAt",
            "GeneratorURL": "generatorURL",
            "Fingerprint": "fingerprint",
        }
    )


class Alerts(SliceValue):
    """The alerts of a notification."""

    __slots__ = ()

    def __init__(self, items: Iterable[Value], element: str = "", go_type: str = "") -> None:
        super().__init__(items, element or AlertValue.go_type, go_type or "template.Alerts")

    def with_status(self, status: str) -> SliceValue:
        """Return the alerts with a status."""
        found = [alert for alert in self.items if alert.fields["Status"] == status]
        return SliceValue(found, AlertValue.go_type)


class NotificationValue(StructValue):
    """The dot of notification templates."""

    __slots__ = ()
    go_type = "template.Data"
    json_names = MappingProxyType(
        {
            "Receiver": "receiver",
            "Status": "status",
            "Alerts": "alerts",
            "NotificationReason": "notification_reason",
            "GroupLabels": "groupLabels",
            "CommonLabels": "commonLabels",
            "CommonAnnotations": "commonAnnotations",
            "ExternalURL": "externalURL",
        }
    )


def _names(pairs: Pairs) -> SliceValue:
    return strings(pair.fields["Name"] for pair in pairs.items)


def _values(pairs: Pairs) -> SliceValue:
    return strings(pair.fields["Value"] for pair in pairs.items)


Pairs.methods = {
    "Names": TemplateFunction(_names),
    "Values": TemplateFunction(_values),
    "String": TemplateFunction(str),
}
LabelMap.methods = {
    "Names": TemplateFunction(lambda own: _names(own.pairs)),
    "Remove": TemplateFunction(LabelMap.without, (_STRINGS,)),
    "SortedPairs": TemplateFunction(lambda own: own.pairs),
    "String": TemplateFunction(str),
    "Values": TemplateFunction(lambda own: _values(own.pairs)),
}
Alerts.methods = {
    "Firing": TemplateFunction(lambda own: own.with_status("firing")),
    "Resolved": TemplateFunction(lambda own: own.with_status("resolved")),
}


@dataclass(frozen=True, slots=True)
class NotifiedAlert:
    """An alert of a notification.

    Attributes:
        ends_ms: when it was resolved, None while it is firing.
        generator_url: where its rule is shown.
    """

    labels: Labels
    annotations: Labels
    starts_ms: int
    ends_ms: int | None = None
    generator_url: str = ""


def notification_data(
    receiver: str,
    group_labels: Labels,
    alerts: Sequence[NotifiedAlert],
    external_url: str,
    reason: str = "",
) -> NotificationValue:
    """Return the data of a notification.

    Args:
        receiver: the name of the receiver.
        group_labels: the labels that the alerts are grouped by.
        alerts: the alerts of the group.
        external_url: the address under which people reach this server.
        reason: why the notification is sent.
    """
    firing = any(alert.ends_ms is None for alert in alerts)
    return NotificationValue(
        # Alertmanager escapes the name as a regular expression.
        Receiver=_SPECIAL.sub(r"\\\1", receiver),
        Status="firing" if firing else "resolved",
        Alerts=Alerts(map(_alert, alerts)),
        NotificationReason=reason,
        GroupLabels=LabelMap(dict(group_labels)),
        CommonLabels=LabelMap(_common([alert.labels for alert in alerts])),
        CommonAnnotations=LabelMap(_common([alert.annotations for alert in alerts])),
        ExternalURL=external_url,
    )


def _alert(alert: NotifiedAlert) -> AlertValue:
    return AlertValue(
        Status="firing" if alert.ends_ms is None else "resolved",
        Labels=LabelMap(dict(alert.labels)),
        Annotations=LabelMap(dict(alert.annotations)),
        StartsAt=TimeValue(alert.starts_ms * 1_000_000),
        EndsAt=_ZERO_TIME if alert.ends_ms is None else TimeValue(alert.ends_ms * 1_000_000),
        GeneratorURL=alert.generator_url,
        Fingerprint=fingerprint(alert.labels),
    )


def _common(sets: Sequence[Labels]) -> dict[str, str]:
    """Return the labels that all sets have."""
    if not sets:
        return {}
    common = set(sets[0]).intersection(*sets[1:])
    return {name: text for name, text in sets[0] if (name, text) in common}
