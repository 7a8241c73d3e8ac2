"""The tree of routes: which receivers get an alert, and how its alerts are grouped.

Source: Alertmanager documentation, "Configuration", route.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from alerting.routing.matcher_syntax import matcher_text
from model.labels import Labels
from model.matchers import Matcher, matches_all


@dataclass(frozen=True, slots=True)
class AlertRoute:
    """One node; what the file leaves out is inherited from the node above.

    Attributes:
        key: the matchers on the way to the node: `{}/{severity="page"}`.
        id: the key with the position of each node, unique in the tree.
        receiver: the name of the receiver.
        matchers: an alert takes the route if all of them match.
        group_by: the labels that alerts are grouped by; None for all labels.
        group_wait_ms: the wait of a new group before its first notification.
        group_interval_ms: the wait before a notification of changes; 0 for none.
        repeat_interval_ms: after this an unchanged group is sent again; 0 for never.
        mute_time_intervals: the route sends nothing in these.
        active_time_intervals: the route sends nothing outside these.
        proceeds: `continue`, whether the next siblings are tried too.
        routes: the nodes below.
    """

    key: str
    id: str
    receiver: str
    matchers: tuple[Matcher, ...] = ()
    group_by: tuple[str, ...] | None = ()
    group_wait_ms: int = 30_000
    group_interval_ms: int = 300_000
    repeat_interval_ms: int = 4 * 3_600_000
    mute_time_intervals: tuple[str, ...] = ()
    active_time_intervals: tuple[str, ...] = ()
    proceeds: bool = False
    routes: tuple["AlertRoute", ...] = ()

    def matching(self, labels: Labels) -> tuple["AlertRoute", ...]:
        """Return the routes that an alert takes, in the order of the tree."""
        if not matches_all(self.matchers, labels):
            return ()
        found: list[AlertRoute] = []
        for route in self.routes:
            matched = route.matching(labels)
            found += matched
            if matched and not route.proceeds:
                break
        return tuple(found) or (self,)

    def group_labels(self, labels: Labels) -> Labels:
        """Return the labels that name an alert's group."""
        return labels if self.group_by is None else labels.keep(self.group_by)

    def walk(self) -> Iterator["AlertRoute"]:
        """Yield the route and all routes below it, in order."""
        yield self
        for route in self.routes:
            yield from route.walk()


def matchers_key(matchers: tuple[Matcher, ...]) -> str:
    """Return the part of a route's key that its matchers make."""
    order = ("=", "!=", "=~", "!~")
    ordered = sorted(
        matchers, key=lambda each: (each.name, each.value, order.index(each.operator.value))
    )
    return "{" + ",".join(map(matcher_text, ordered)) + "}"


def label_set_text(labels: Labels) -> str:
    """Return labels as Alertmanager writes them in group keys: `{a="b", c="d"}`."""
    pairs = (
        f'{name}="' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        for name, value in labels
    )
    return "{" + ", ".join(pairs) + "}"
