"""Receivers of notifications that administrators add in the UI."""

from collections.abc import Sequence
from typing import Protocol

from storage.api.receivers.added_receivers import AddedReceiver


class ManagedReceivers(Protocol):
    """The receivers beside those of the configuration."""

    @property
    def takes_effect(self) -> bool:
        """Whether added receivers get notifications: not beside an `alertmanager.yml`."""

    def added(self) -> Sequence[AddedReceiver]:
        """Return the added receivers, oldest first."""

    async def add(self, name: str, kind: str, url: str) -> None:
        """Add a receiver, which gets notifications from now on.

        Raises:
            BadRequestError: a field is invalid; the error names it.
            TakenError: the name is taken.
        """

    async def remove(self, name: str) -> None:
        """Remove an added receiver.

        Raises:
            NotFoundError: no receiver of this name was added.
        """

    async def confirm(self, name: str) -> None:
        """Record that a test of a receiver succeeded; other names are ignored."""
