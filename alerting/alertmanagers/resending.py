"""Decides when an alert is sent to Alertmanagers: at once, then every minute.

An Alertmanager forgets an alert that is not repeated. The end of an alert is repeated for
15 minutes, because an Alertmanager may have missed it.

Source: Prometheus, rules/alerting.go.
"""

from collections.abc import Iterable

from storage.api.alerts import Alert, AlertChange, AlertState

RESEND_MS = 60_000
RESOLVED_RETENTION_MS = 15 * 60_000


class Resending:
    """When each alert was last sent, by its id."""

    def __init__(self) -> None:
        self._sent_ms: dict[int, int] = {}
        self._resolved: dict[int, Alert] = {}

    def observe(self, changes: Iterable[AlertChange]) -> None:
        """Take stored changes of alerts."""
        for change in changes:
            alert = change.alert
            if alert.state is AlertState.RESOLVED and alert.fired_ms is not None:
                self._resolved[alert.id] = alert

    def due(self, opened: Iterable[Alert], now_ms: int) -> list[Alert]:
        """Return the alerts to send now, and note them as sent.

        Args:
            opened: all open alerts; those that have fired are sent.
            now_ms: the current time.
        """
        firing = {alert.id: alert for alert in opened if alert.fired_ms is not None}
        for alert_id, alert in tuple(self._resolved.items()):
            if (alert.resolved_ms or 0) + RESOLVED_RETENTION_MS < now_ms or alert_id in firing:
                del self._resolved[alert_id]
        candidates = firing | self._resolved
        self._sent_ms = {key: at for key, at in self._sent_ms.items() if key in candidates}
        found = [alert for alert in candidates.values() if self._is_due(alert, now_ms)]
        for alert in found:
            self._sent_ms[alert.id] = now_ms
        return found

    def _is_due(self, alert: Alert, now_ms: int) -> bool:
        sent_ms = self._sent_ms.get(alert.id)
        if sent_ms is None or sent_ms > now_ms:
            # Never sent, or the clock was set back.
            return True
        if alert.id in self._resolved and (alert.resolved_ms or 0) > sent_ms:
            return True
        return sent_ms + RESEND_MS <= now_ms

    def repeat_all(self) -> None:
        """Make every alert due: a new Alertmanager knows none of them."""
        self._sent_ms.clear()

    def next_ms(self) -> int | None:
        """Return when an alert is due again, None for never."""
        return min(self._sent_ms.values()) + RESEND_MS if self._sent_ms else None
