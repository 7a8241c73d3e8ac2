"""The first steps of a new server: the first host, its first sample, the first alert channel."""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.api.people.preferences import Preferences
from storage.api.receivers.added_receivers import AddedReceiver
from web.fleet.hosts import FleetHost, FleetView
from web.fleet.receiver_tests import ReceiverTest, ReceiverTests
from web.http.routing import Access, Principal
from web.services import Services


@dataclass(frozen=True, slots=True)
class FirstStepsView:
    """The content of the first steps.

    Attributes:
        host: the first host that has been up, None as long as none was.
        waiting: the hosts whose first sample has not arrived.
        commands: titles and commands that start an exporter on a host.
        channel: the name of the alert channel, "" without one.
        has_channel: whether the channel is confirmed.
        may_add_channel: whether the reader may add a channel here.
        test: the last test of the channel.
    """

    host: FleetHost | None
    waiting: tuple[FleetHost, ...]
    commands: Sequence[tuple[str, str]]
    channel: str
    has_channel: bool
    may_add_channel: bool
    test: ReceiverTest | None


class FirstSteps:
    """Decides which steps a reader still has before them."""

    def __init__(self, services: Services, tests: ReceiverTests) -> None:
        self._services, self._tests = services, tests

    def view(
        self, reader: Principal, fleet: FleetView, preferences: Preferences
    ) -> FirstStepsView | None:
        """Return the steps, None when they are done, hidden, or not the reader's."""
        if preferences.steps_hidden or reader.user is None or not reader.may(Access.EDITOR):
            return None
        host = next((each for each in fleet.hosts if each.last_seen_ms is not None), None)
        channel, has_channel = self._channel()
        if host is not None and has_channel:
            return None
        managed = self._services.managed_receivers
        return FirstStepsView(
            host=host,
            waiting=tuple(each for each in fleet.hosts if each.last_seen_ms is None),
            commands=self._services.exporter_commands,
            channel=channel,
            has_channel=has_channel,
            may_add_channel=managed is not None
            and managed.takes_effect
            and reader.may(Access.ADMIN),
            test=self._tests.last.get(channel),
        )

    def _channel(self) -> tuple[str, bool]:
        """Return the name of the alert channel, and whether it is known to work.

        A channel of the configuration is its author's; one that was added here counts once
        a test was accepted.
        """
        managed = self._services.managed_receivers
        added = {} if managed is None else {each.name: each for each in managed.added()}
        names = [name for name, kind in self._services.alerting.receivers if kind != "log"]
        if any(name not in added or is_tested(added[name]) for name in names):
            return next(name for name in names if name not in added or is_tested(added[name])), True
        if self._services.alertmanagers():
            return "Alertmanager", True
        return next(iter(names), ""), False


def is_tested(receiver: AddedReceiver) -> bool:
    """Report whether a test of a receiver has succeeded."""
    return receiver.tested_ms is not None
