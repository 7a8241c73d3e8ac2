"""A routing configuration: the tree, inhibition, time intervals and receivers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alerting.routing.escalation import Escalation
from alerting.routing.inhibition import InhibitRule
from alerting.routing.time_intervals import TimeIntervals
from alerting.routing.tree import AlertRoute


@dataclass(frozen=True, slots=True)
class Integration:
    """One entry of a receiver.

    Attributes:
        name: `receiver/kind[index]`, unique in the configuration.
        receiver: the receiver's name.
        kind: the kind, such as `webhook`.
        send_resolved: whether resolved alerts are sent too.
        section: its settings, an `IntegrationSection`; None for a receiver of redshank.yml.
    """

    name: str
    receiver: str
    kind: str
    send_resolved: bool
    section: Any = None


@dataclass(frozen=True, slots=True)
class RoutingConfiguration:
    """Everything that decides who is notified.

    Attributes:
        route: the root of the tree.
        integrations: by receiver.
        inhibit_rules: in the order of the file.
        time_intervals: by name.
        templates: patterns of template files.
        resolve_timeout_ms: an alert from outside without an end is resolved so long after
            its last report.
        original: the text of the file, "" without one.
        escalations: which receiver is next when nobody acknowledges.
    """

    route: AlertRoute
    integrations: Mapping[str, tuple[Integration, ...]]
    inhibit_rules: tuple[InhibitRule, ...] = ()
    time_intervals: TimeIntervals = field(default_factory=dict)
    templates: tuple[str, ...] = ()
    resolve_timeout_ms: int = 300_000
    original: str = ""
    escalations: tuple[Escalation, ...] = ()
