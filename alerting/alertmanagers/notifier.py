"""Sends the alerts of rules and checks to every Alertmanager."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from alerting.alertmanagers.outgoing import OutgoingAlert, expression_url
from alerting.alertmanagers.queue import AlertmanagerEndpoint, AlertmanagerQueue
from alerting.alertmanagers.resending import RESEND_MS, Resending
from alerting.rules.definitions import AlertOrigin
from model.clock import Clock
from model.labels import Labels
from storage.api.alerts import Alert, AlertChange

_MISSED_SENDS = 4
"""So many repetitions may be lost before an Alertmanager resolves an alert."""
_BUILT_IN = AlertOrigin("", 0)


class AlertmanagerNotifier:
    """Keeps a queue for each Alertmanager, and fills the queues when alerts are due.

    Attributes:
        queues: by the URL of the Alertmanager.
    """

    def __init__(
        self,
        opened: Callable[[], Iterable[Alert]],
        origins: Callable[[], Mapping[str, AlertOrigin]],
        external_url: Callable[[], str],
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Start without Alertmanagers.

        Args:
            opened: returns the open alerts.
            origins: returns the rules of rule files by their identity.
            external_url: returns this server's URL for people.
            clock: returns the current time.
            sleep: replaced by tests.
        """
        self.queues: dict[str, AlertmanagerQueue] = {}
        self._opened, self._origins, self._external_url = opened, origins, external_url
        self._clock, self._sleep = clock, sleep
        self._resending = Resending()
        self._arrival = asyncio.Event()
        self._senders: dict[str, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None

    def observe(self, changes: Sequence[AlertChange]) -> None:
        """Take stored changes of alerts."""
        if self.queues:
            self._resending.observe(changes)
            self._arrival.set()

    def connect(self, endpoints: Mapping[str, AlertmanagerEndpoint]) -> None:
        """Send to these Alertmanagers and no others; a new one gets all alerts at once."""
        for url in self.queues.keys() - endpoints.keys():
            del self.queues[url]
            if sender := self._senders.pop(url, None):
                sender.cancel()
        new = endpoints.keys() - self.queues.keys()
        for url, endpoint in endpoints.items():
            if url in self.queues:
                self.queues[url].endpoint = endpoint
            else:
                self.queues[url] = AlertmanagerQueue(endpoint, self._clock, self._sleep)
        if new:
            # Forget what was sent: the new one knows nothing, the others merge it.
            self._resending.repeat_all()
        self._start_senders()
        self._arrival.set()

    def _start_senders(self) -> None:
        if self._tasks is None:
            return
        for url, queue in self.queues.items():
            if url not in self._senders:
                name = f"send alerts to {url}"
                self._senders[url] = self._tasks.create_task(queue.run(), name=name)

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            self._start_senders()
            while True:
                self._arrival.clear()
                self.fill()
                wait_s = None
                next_ms = self._resending.next_ms() if self.queues else None
                if next_ms is not None:
                    wait_s = max(0.0, (next_ms - self._clock()) / 1000)
                try:
                    async with asyncio.timeout(wait_s):
                        await self._arrival.wait()
                except TimeoutError:
                    pass

    def fill(self) -> None:
        """Put what is due into the queues."""
        if not self.queues:
            return
        now_ms = self._clock()
        alerts = self._resending.due(self._opened(), now_ms)
        origins = self._origins() if alerts else {}
        due = [
            self._outgoing(alert, origins.get(alert.rule, _BUILT_IN), now_ms) for alert in alerts
        ]
        for queue in self.queues.values() if due else ():
            rewritten = ((each, queue.endpoint.rewrite(each.labels)) for each in due)
            queue.put(_relabelled(each, labels) for each, labels in rewritten if labels)

    def _outgoing(self, alert: Alert, origin: AlertOrigin, now_ms: int) -> OutgoingAlert:
        valid_ms = _MISSED_SENDS * max(origin.interval_ms, RESEND_MS)
        return OutgoingAlert(
            alert.labels,
            alert.annotations,
            alert.fired_ms or alert.active_ms,
            now_ms + valid_ms if alert.resolved_ms is None else alert.resolved_ms,
            expression_url(self._external_url(), origin.expression),
        )


def _relabelled(alert: OutgoingAlert, labels: Labels) -> OutgoingAlert:
    return alert if labels == alert.labels else replace(alert, labels=labels)
