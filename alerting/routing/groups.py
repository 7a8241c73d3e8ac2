"""Groups: the alerts that one route sends together, and when."""

from dataclasses import dataclass, field

from alerting.routing.alerts import RoutedAlert, order_key
from alerting.routing.tree import AlertRoute, label_set_text
from model.labels import Labels


@dataclass(slots=True)
class AlertGroup:
    """The alerts of one route that agree in the labels of `group_by`.

    Attributes:
        route: the route.
        labels: the labels that the group is named by.
        alerts: by fingerprint.
        next_ms: when the group is looked at next; None for never.
        has_flushed: whether it has been looked at once.
    """

    route: AlertRoute
    labels: Labels
    alerts: dict[str, RoutedAlert] = field(default_factory=dict)
    next_ms: int | None = None
    has_flushed: bool = False

    @property
    def key(self) -> str:
        """The group's key, as receivers see it."""
        return f"{self.route.key}:{label_set_text(self.labels)}"

    def insert(self, alert: RoutedAlert, now_ms: int) -> None:
        """Add a report of an alert, and decide when the group is looked at."""
        is_new = not self.alerts and not self.has_flushed
        self.alerts[alert.fingerprint] = alert
        if self.has_flushed:
            if not self.route.group_interval_ms:
                self.next_ms = now_ms
            return
        due_ms = now_ms + self.route.group_wait_ms
        if alert.starts_ms + self.route.group_wait_ms < now_ms:
            # The alert has fired for longer than the wait: after a restart, for example.
            due_ms = now_ms
        if is_new or due_ms == now_ms:
            self.next_ms = due_ms

    def flushed(self, now_ms: int) -> None:
        """Decide when the group is looked at again."""
        self.has_flushed = True
        if self.route.group_interval_ms:
            self.next_ms = now_ms + self.route.group_interval_ms
            return
        ends = [each.ends_ms for each in self.alerts.values() if each.ends_ms is not None]
        self.next_ms = min((end for end in ends if end > now_ms), default=None)

    def ordered(self) -> list[RoutedAlert]:
        """Return the alerts in the order of a notification."""
        return sorted(self.alerts.values(), key=order_key)
