"""Where the messages of a subscription come from."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from model.series import AlignedSeries
from promql.api import InstantVector, QueryEngine, QueryOptions, Scalar, String
from web.fleet.documents import alert_document, fleet_host_document
from web.fleet.fleet import Fleet
from web.live.messages import Subscribe, message, values_message
from web.live.shell import Shell
from web.services import Services

Encode = Callable[[Scalar | String | InstantVector | AlignedSeries], bytes]
"""Returns a query's result as JSON."""

Source = Callable[[], Awaitable[bytes]]
"""Returns the message as of now; the same bytes again mean that nothing has changed."""

_THREAD_FROM_SERIES: Final = 2_000
"""About 2 ms of encoding."""

_PATIENCE: Final = QueryOptions(timeout_s=10.0)


class Sources:
    """Makes the source that a subscription asks for."""

    def __init__(
        self, services: Services, fleet: Fleet, shell: Shell, encode_value: Encode
    ) -> None:
        self._services, self._fleet, self._shell = services, fleet, shell
        self._encode_value = encode_value

    def of(self, asked: Subscribe, request: web.Request) -> Source:
        """Return the source.

        Args:
            asked: what the client wants.
            request: the client's, for pages: who looks.

        Raises:
            MissingError: there is no such page.
        """
        if asked.query is not None:
            return self._values(asked.id, asked.query)
        if asked.page is not None:
            return self._region(asked.id, asked.page, request)
        return self._metrics(asked.id) if asked.topic == "metrics" else self._alerts(asked.id)

    def _values(self, name: str, query: str) -> Source:
        engine: QueryEngine = self._services.engine

        async def read() -> bytes:
            now_ms = self._services.clock()
            answer = await engine.instant(query, now_ms, _PATIENCE)
            value = answer.value
            large = (
                isinstance(value, InstantVector | AlignedSeries)
                and len(value.labels) >= _THREAD_FROM_SERIES
            )
            data = (
                await asyncio.to_thread(self._encode_value, value)
                if large
                else self._encode_value(value)
            )
            return values_message(name, now_ms, data, list(answer.annotations.warnings))

        return read

    def _metrics(self, name: str) -> Source:
        async def read() -> bytes:
            view = await self._fleet.view()
            hosts = [fleet_host_document(host) for host in view.hosts]
            return message("metrics", name, time_ms=view.time_ms, hosts=hosts)

        return read

    def _alerts(self, name: str) -> Source:
        async def read() -> bytes:
            found = [item.alert for item in self._services.alerting.open_alerts()]
            return message("alerts", name, alerts=[alert_document(alert) for alert in found])

        return read

    def _region(self, name: str, page: str, request: web.Request) -> Source:
        render = self._shell.region(request, page)

        async def read() -> bytes:
            return message("region", name, html=await render())

        return read
