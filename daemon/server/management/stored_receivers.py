"""The receivers that administrators added in the UI, beside those of the configuration."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

import structlog
from pydantic import SecretStr, TypeAdapter, ValidationError

from alerting.settings import AlertingSettings, ReceiverSettings
from model.clock import Clock
from storage.api.errors import TakenError
from storage.api.receivers.added_receivers import AddedReceiver, AddedReceiverRecords
from web.http.errors import BadRequestError
from web.identity.keys import KeyRing, KeysError

log = structlog.get_logger(__name__)

_SETTINGS: Final[TypeAdapter[ReceiverSettings]] = TypeAdapter(ReceiverSettings)
_PURPOSE: Final = "receiver"
MOST: Final = 50


class StoredReceivers:
    """Keeps receivers in the records, their URLs encrypted, and applies changes at once."""

    def __init__(self, records: AddedReceiverRecords, keys: KeyRing, clock: Clock) -> None:
        self._records, self._keys, self._clock = records, keys, clock
        self._added: tuple[AddedReceiver, ...] = ()
        self._settings: dict[str, ReceiverSettings] = {}
        self._current: Callable[[], AlertingSettings] = AlertingSettings
        self._apply: Callable[[], Awaitable[None]] | None = None
        self._lock = asyncio.Lock()

    def follow(
        self, current: Callable[[], AlertingSettings], apply: Callable[[], Awaitable[None]]
    ) -> None:
        """Use these functions from now on.

        Args:
            current: returns the alerting section of the running configuration.
            apply: applies the running configuration again, with the receivers of now.
        """
        self._current, self._apply = current, apply

    async def load(self) -> None:
        """Read the receivers; one that cannot be decrypted is logged and left out.

        Raises:
            StorageError: the records cannot be read.
        """
        self._added = tuple(await self._records.all())
        self._settings = {}
        for each in self._added:
            await self._keys.ready()
            try:
                url = self._keys.unseal(_PURPOSE, each.sealed_url)
                self._settings[each.name] = _settings(each.name, each.kind, url)
            except (KeysError, ValidationError):
                # Without the value: it holds a secret.
                log.warning("added_receiver_unreadable", receiver=each.name)

    def joined(self, settings: AlertingSettings) -> AlertingSettings:
        """Return settings with the added receivers; a receiver of the file wins its name."""
        names = {each.name for each in settings.receivers}
        added = tuple(each for name, each in self._settings.items() if name not in names)
        if not added:
            return settings
        route = settings.route
        if route is not None:
            route = (*route, *(each.name for each in added))
        return settings.model_copy(
            update={"receivers": (*settings.receivers, *added), "route": route}
        )

    @property
    def takes_effect(self) -> bool:
        """See `ManagedReceivers.takes_effect`."""
        return not self._current().alertmanager_file

    def added(self) -> Sequence[AddedReceiver]:
        """See `ManagedReceivers.added`."""
        return self._added

    async def add(self, name: str, kind: str, url: str) -> None:
        """See `ManagedReceivers.add`."""
        async with self._lock:
            self._check_name(name)
            await self._check_url(name, kind, url)
            await self._keys.ready()
            sealed = self._keys.seal(_PURPOSE, url)
            await self._records.add(AddedReceiver(name, kind, sealed, self._clock()))
            await self._changed()

    def _check_name(self, name: str) -> None:
        if any(each.name == name for each in self._current().receivers):
            hint = "it comes from the server's configuration"
            raise TakenError("receiver", "name", name, hint)
        if len(self._added) >= MOST:
            raise BadRequestError(f"name: {MOST} receivers are the most; remove one", "name")

    async def _check_url(self, name: str, kind: str, url: str) -> None:
        try:
            _settings(name, kind, url)
        except ValidationError as exc:
            raise BadRequestError(f"url: {exc.errors()[0]['msg']}", "url") from None
        if kind == "apprise" and not await asyncio.to_thread(_knows, url):
            raise BadRequestError("url: not a URL of Apprise, such as ntfy://ntfy.sh/topic", "url")

    async def remove(self, name: str) -> None:
        """See `ManagedReceivers.remove`."""
        async with self._lock:
            await self._records.remove(name)
            await self._changed()

    async def confirm(self, name: str) -> None:
        """See `ManagedReceivers.confirm`."""
        async with self._lock:
            now_ms = self._clock()
            await self._records.set_tested(name, now_ms)
            self._added = tuple(
                replace(each, tested_ms=now_ms) if each.name == name else each
                for each in self._added
            )

    async def _changed(self) -> None:
        await self.load()
        if self._apply is not None:
            await self._apply()


def _settings(name: str, kind: str, url: str) -> ReceiverSettings:
    return _SETTINGS.validate_python({"name": name, "type": kind, "url": SecretStr(url)})


def _knows(url: str) -> bool:
    # Imported here: loading its plugins takes 0.8 s and 37 MB.
    import apprise

    return bool(apprise.Apprise().add(url))
