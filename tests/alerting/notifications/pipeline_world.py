"""The whole notification pipeline over real records, on simulated time."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from alerting.book.alert_book import AlertBook
from alerting.book.lifecycle import Condition, RuleTiming
from alerting.book.observation import AlertKey, Observation
from alerting.errors import DeliveryError
from alerting.notifications.acknowledge_links import AcknowledgeLinks
from alerting.notifications.default_tree import default_tree
from alerting.notifications.delivery import Delivery
from alerting.notifications.pipeline import NotificationPipeline
from alerting.notifications.router import AlertRouter
from alerting.notifications.stages import configured_stages
from alerting.routing.configuration import RoutingConfiguration
from alerting.routing.files.loader import parse_routing
from alerting.routing.silences import Silence
from alerting.settings import AlertingSettings, DeliverySettings
from alerting.time_source import TimeSource
from model.labels import Labels
from model.matchers import Matcher
from storage.api.alerts import Alert
from tests.alerting.alerting_doubles import SetClock, WatchedAlerts

SETTINGS = AlertingSettings.model_validate(
    {
        "receivers": [
            {"name": "ops", "type": "log"},
            {"name": "mail", "type": "log", "send_resolved": False},
        ]
    }
)
TREE = """
route:
  receiver: both
  group_by: [{group_by}]
  group_wait: {wait}
  group_interval: 1m
  repeat_interval: 1h
receivers:
- name: both
  webhook_configs:
  - {{url: 'http://ops'}}
  - {{url: 'http://mail', send_resolved: false}}
"""
PATIENT = DeliverySettings.model_validate({"give_up_after": "30d"})
TIMING = RuleTiming(for_ms=20_000, keep_firing_for_ms=20_000, no_data_for_ms=20_000)


def tree(wait: str = "10s", group_by: str = "alertname") -> RoutingConfiguration:
    """Return the tree of an alertmanager.yml."""
    return parse_routing(TREE.format(wait=wait, group_by=group_by), Path("a.yml"))


def key_of(name: str) -> AlertKey:
    """Return the key of one of the alerts."""
    return AlertKey("g/High", Labels.of(alertname="High", i=name))


@dataclass(frozen=True, slots=True)
class Delivered:
    """One alert in a notification that a receiver accepted."""

    status: str
    name: str
    starts_at: str
    reason: str
    at_ms: int


class Inbox:
    """A receiver that may be out of order."""

    def __init__(self, clock: SetClock) -> None:
        self._clock = clock
        self.is_down = False
        self.bodies: list[tuple[str, int]] = []
        self.alerts: list[Delivered] = []

    async def send(self, body: str) -> None:
        if self.is_down:
            raise DeliveryError("the receiver is down")
        self.bodies.append((body, self._clock.now_ms))
        document = json.loads(body)
        for alert in document["alerts"]:
            self.alerts.append(
                Delivered(
                    alert["status"],
                    alert["labels"]["i"],
                    alert["startsAt"],
                    document["notification_reason"],
                    self._clock.now_ms,
                )
            )

    def about(self, name: str) -> list[tuple[str, str]]:
        """Return status and start in each notification about one alert."""
        return [(each.status, each.starts_at) for each in self.alerts if each.name == name]

    def gaps_ms(self) -> list[int]:
        """Return the time between each two arrivals of the same body."""
        times: dict[str, list[int]] = {}
        for body, at_ms in self.bodies:
            times.setdefault(body, []).append(at_ms)
        return [later - earlier for each in times.values() for earlier, later in pairwise(each)]


class PipelineWorld:
    """The parts from the book to the receivers; `begin` builds them anew, as a restart does."""

    def __init__(self, records: WatchedAlerts, configuration: RoutingConfiguration | None) -> None:
        self.records, self.configuration = records, configuration
        self.clock = SetClock()
        names: tuple[str, ...] = ("ops", "mail")
        if configuration is not None:
            names = tuple(each.name for each in configuration.integrations["both"])
        self.ops, self.mail = Inbox(self.clock), Inbox(self.clock)
        self.inboxes: Mapping[str, Inbox] = dict(zip(names, (self.ops, self.mail), strict=True))

    async def begin(self) -> None:
        """Start from what the records hold."""
        configuration = self.configuration
        self.router = AlertRouter(
            configuration or default_tree(SETTINGS.routed, SETTINGS.receivers),
            self.records,
            self.clock,
            lambda names: None,
            lambda: [item.alert for item in self.book.open_alerts()],
            has_tree=configuration is not None,
            external_url="http://h",
            links=AcknowledgeLinks(SETTINGS, self.records, None, self.clock),
        )
        stages = configured_stages(SETTINGS)
        pipeline = NotificationPipeline(stages, "http://h", self.router.takes)
        self.book = AlertBook(self.records, pipeline.run, self.router.observe)
        self.delivery = Delivery(self.records, self.inboxes, PATIENT, TimeSource(self.clock))
        opened = await self.records.open_alerts()
        self.book.restore((AlertKey(each.rule, each.labels), each) for each in opened)
        await self.router.start(opened)
        await self.settle()

    async def reload(self, configuration: RoutingConfiguration | None) -> None:
        """Use another tree."""
        self.configuration = configuration
        self.router.reconfigure(
            configuration or default_tree(SETTINGS.routed, SETTINGS.receivers),
            has_tree=configuration is not None,
            external_url="http://h",
        )
        await self.settle()

    async def observe(self, conditions: Mapping[str, Condition]) -> None:
        """Apply one evaluation."""
        seen = [
            Observation(
                key_of(name), condition, TIMING, 1.0, key_of(name).labels, expression="up == 0"
            )
            for name, condition in conditions.items()
        ]
        await self.book.apply(seen, self.clock.now_ms)
        await self.settle()

    async def pass_time(self, length_ms: int) -> None:
        """Let time pass; the router looks whenever something is due, and at the end."""
        end_ms = self.clock.now_ms + length_ms
        while (due_ms := self.router.dispatcher.next_ms()) is not None and due_ms < end_ms:
            self.clock.now_ms = max(self.clock.now_ms, due_ms)
            await self.settle()
        self.clock.now_ms = end_ms
        await self.settle()

    async def settle(self) -> None:
        """Store what is due, and deliver what is in the outbox to receivers that work.

        The waits between attempts are left out: they are tests of the delivery.
        """
        await self.router.flush()
        for name, inbox in self.inboxes.items():
            while waiting := await self.records.waiting(name, 1):
                item = replace(waiting[0], next_attempt_ms=0)
                if not inbox.is_down or not item.attempts:
                    await self.delivery._deliver(name, item)
                if inbox.is_down:
                    break

    async def put_silence(self, number: int, name: str, length_ms: int) -> Silence:
        """Silence one alert for a while from now on."""
        now_ms = self.clock.now_ms
        matchers = (Matcher.of("i", "=", name),)
        silence = Silence(str(number), matchers, now_ms, now_ms + length_ms, now_ms, "ann", "x")
        await self.router.put_silences([silence])
        await self.settle()
        return silence

    def open(self) -> dict[str, Alert]:
        """Return the open alerts by name."""
        return {item.alert.labels.get("i"): item.alert for item in self.book.open_alerts()}
