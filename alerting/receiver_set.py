"""The receivers and the tree of routes that the configuration names."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import aiohttp

from alerting.notifications.default_tree import default_tree
from alerting.receivers.configured import configured_receivers
from alerting.receivers.receiver import Receiver
from alerting.routing.configuration import RoutingConfiguration
from alerting.settings import AlertingSettings
from model.clock import Clock

if TYPE_CHECKING:
    from alerting.receivers.clients import ReceiverClients
    from alerting.routing.files.routing_file import RoutingFile


class ReceiverSet:
    """What the settings or an `alertmanager.yml` name."""

    def __init__(
        self,
        settings: AlertingSettings,
        file: "RoutingFile | None",
        session: aiohttp.ClientSession,
        clients: "ReceiverClients | None",
    ) -> None:
        """Name the receivers.

        Args:
            settings: name them without a file.
            file: the `alertmanager.yml`, None without one.
            session: sends the webhooks of the settings.
            clients: make the HTTP clients of the file; needed with one.
        """
        self._settings, self._file = settings, file
        self._session, self._clients = session, clients

    @property
    def has_tree(self) -> bool:
        """Whether an `alertmanager.yml` decides."""
        return self._file is not None

    def tree(self) -> RoutingConfiguration:
        """Return the tree of routes."""
        return self._file.configuration if self._file else default_tree(self._settings.routed)

    def build(self, clock: Clock) -> Mapping[str, Receiver]:
        """Return the receivers by name."""
        timeout_s = self._settings.delivery.timeout_ms / 1000
        if self._file is None:
            return configured_receivers(self._settings.receivers, self._session, timeout_s)
        # Templates and SMTP take memory that only such a file needs.
        from alerting.receivers.file_receivers import integration_receivers

        if self._clients is None:
            raise ValueError("the receivers of an alertmanager.yml need clients")
        return integration_receivers(self._file, self._clients, clock, timeout_s)

    def names(self) -> tuple[tuple[str, str], ...]:
        """Return name and type of each receiver."""
        if self._file is None:
            return tuple((item.name, item.type) for item in self._settings.receivers)
        found = self._file.configuration.integrations.values()
        return tuple((each.name, each.kind) for entries in found for each in entries)

    def routed(self) -> set[str]:
        """Return the names of the receivers that get notifications."""
        if self._file is None:
            return {receiver.name for receiver in self._settings.routed}
        return {name for name, _ in self.names()}
