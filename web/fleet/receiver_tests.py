"""Tests of receivers, with the last result of each."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from alerting.errors import DeliveryError
from web.http.audit_trail import note
from web.http.routing import user_of
from web.services import Services


@dataclass(frozen=True, slots=True)
class ReceiverTest:
    """The last test of a receiver since the server started; `error` is "" if it was accepted."""

    time_ms: int
    user: str
    error: str


class ReceiverTests:
    """Tests receivers, and keeps the last result of each."""

    def __init__(self, services: Services) -> None:
        self._alerting, self._clock = services.alerting, services.clock
        self._managed = services.managed_receivers
        self._last: dict[str, ReceiverTest] = {}

    @property
    def last(self) -> Mapping[str, ReceiverTest]:
        """The last test of each receiver."""
        return self._last

    async def run(self, request: web.Request) -> None:
        """Send a test notification to the receiver in the path; keep the result."""
        name, error = request.match_info["name"], ""
        try:
            await self._alerting.test_receiver(name)
        except DeliveryError as exc:
            error = str(exc)
        note(request, "receiver.test", name, **({"error": error} if error else {}))
        self._last[name] = ReceiverTest(self._clock(), user_of(request).name, error)
        if self._managed is not None and not error:
            await self._managed.confirm(name)
