"""The receivers and the tree of routes that the configuration names."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import aiohttp

from alerting.errors import EscalationError
from alerting.notifications.default_tree import default_tree
from alerting.receivers.configured import configured_receivers
from alerting.receivers.receiver import Receiver
from alerting.routing.configuration import RoutingConfiguration
from alerting.routing.escalation import Escalation, problem_of_steps
from alerting.settings import AlertingSettings
from model.clock import Clock

if TYPE_CHECKING:
    from alerting.receivers.clients import ReceiverClients
    from alerting.routing.files.routing_file import RoutingFile


def escalation_steps(
    settings: AlertingSettings, file: "RoutingFile | None"
) -> tuple[Escalation, ...]:
    """Return the escalations of the settings.

    Raises:
        EscalationError: a step names an unknown receiver, or the steps lead in a circle.
    """
    steps = tuple(
        Escalation(each.receiver, each.after_ms, each.to) for each in settings.escalations
    )
    names = [each.name for each in settings.receivers]
    problem = problem_of_steps(steps, names if file is None else file.configuration.integrations)
    if problem is not None:
        raise EscalationError(problem)
    return steps


@dataclass(frozen=True, slots=True)
class NotificationSenders:
    """What notifications are sent with.

    Attributes:
        session: sends the webhooks of the settings, and the heartbeat.
        clients: make the HTTP clients of an `alertmanager.yml`; needed with one.
    """

    session: aiohttp.ClientSession
    clients: "ReceiverClients | None" = None


class ReceiverSet:
    """The receivers that the settings or an `alertmanager.yml` name."""

    def __init__(
        self, settings: AlertingSettings, file: "RoutingFile | None", senders: NotificationSenders
    ) -> None:
        """Name the receivers of `file`, an `alertmanager.yml`; if None, of the settings."""
        self._settings, self._file, self._senders = settings, file, senders

    @property
    def has_tree(self) -> bool:
        """Whether an `alertmanager.yml` decides."""
        return self._file is not None

    def tree(self) -> RoutingConfiguration:
        """Return the tree of routes.

        Raises:
            EscalationError: an escalation is invalid.
        """
        settings, file = self._settings, self._file
        tree = file.configuration if file else default_tree(settings.routed, settings.receivers)
        return replace(tree, escalations=escalation_steps(settings, file))

    def build(self, clock: Clock) -> Mapping[str, Receiver]:
        """Return the receivers by name."""
        timeout_s = self._settings.delivery.timeout_ms / 1000
        if self._file is None:
            return configured_receivers(self._settings.receivers, self._senders.session, timeout_s)
        # Templates and SMTP take memory that only such a file needs.
        from alerting.receivers.file_receivers import integration_receivers

        clients = self._senders.clients
        if clients is None:
            raise ValueError("the receivers of an alertmanager.yml need clients")
        return integration_receivers(self._file, clients, clock, timeout_s)

    def names(self) -> tuple[tuple[str, str], ...]:
        """Return name and type of each receiver."""
        if self._file is None:
            return tuple((item.name, item.type) for item in self._settings.receivers)
        found = self._file.configuration.integrations.values()
        return tuple((each.name, each.kind) for entries in found for each in entries)

    def routed(self) -> set[str]:
        """Return the names of the receivers that get notifications."""
        if self._file is None:
            routed = {receiver.name for receiver in self._settings.routed}
            return routed | {each.to for each in self._settings.escalations}
        return {name for name, _ in self.names()}
