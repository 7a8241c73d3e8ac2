"""Feeds: the functions that make the messages of subscriptions."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from model.series import AlignedSeries
from promql.api import InstantVector, QueryEngine, QueryOptions, Scalar, String
from web.fleet.documents import alert_document, fleet_host_document
from web.fleet.fleet import Fleet
from web.live.messages import Subscribe, message, values_message
from web.live.series_budget import StreamSeries
from web.live.shared_regions import RegionReader
from web.live.shell import Shell
from web.services import Services

Encode = Callable[[Scalar | String | InstantVector | AlignedSeries], bytes]
"""Returns a query's result as JSON."""


@dataclass(frozen=True, slots=True)
class LiveFeed:
    """The messages of a subscription.

    Attributes:
        read: returns the message as of now, or as of any time since the given one of the event
            loop. Equal bytes, or none, mean that nothing has changed.
        forget: called when the last message has not been sent and will be replaced by the next,
            for a feed whose messages build on one another.
        following: returns an event that is set at the next change; None for a feed that is
            read again and again.
        phase: when in each interval the feed is read, from 0 to 1; None for no certain moment.
            Feeds that share what they read have the same.
    """

    read: Callable[[float], Awaitable[bytes]]
    following: Callable[[], asyncio.Event] | None = None
    forget: Callable[[], None] | None = None
    phase: float | None = None


_THREAD_FROM_SERIES: Final = 2_000
"""Encode results with more series in a thread: 2,000 series take 2 ms."""

_OPTIONS: Final = QueryOptions(timeout_s=10.0)


class Feeds:
    """Makes the feeds of subscriptions."""

    def __init__(
        self, services: Services, fleet: Fleet, shell: Shell, encode_value: Encode
    ) -> None:
        self._services, self._fleet, self._shell = services, fleet, shell
        self._encode_value = encode_value

    def of(self, subscription: Subscribe, request: web.Request, share: StreamSeries) -> LiveFeed:
        """Return a subscription's feed.

        Args:
            subscription: the client's message.
            request: the client's request; its theme and rights apply to page regions.
            share: counts the series of queries.

        Raises:
            MissingError: there is no such page.
        """
        name = subscription.id
        if subscription.query is not None:
            return self._values(name, subscription.query, share)
        if subscription.page is not None:
            return self._region(name, subscription.page, request)
        return self._metrics(name) if subscription.topic == "metrics" else self._alerts(name)

    def _values(self, name: str, query: str, share: StreamSeries) -> LiveFeed:
        engine: QueryEngine = self._services.engine

        async def read(_since_s: float) -> bytes:
            now_ms = self._services.clock()
            answer = await engine.instant(query, now_ms, _OPTIONS)
            value = answer.value
            series = len(value.labels) if isinstance(value, InstantVector | AlignedSeries) else 1
            share.take(name, series)
            large = series >= _THREAD_FROM_SERIES
            data = (
                await asyncio.to_thread(self._encode_value, value)
                if large
                else self._encode_value(value)
            )
            return values_message(name, now_ms, data, list(answer.annotations.warnings))

        return LiveFeed(read)

    def _metrics(self, name: str) -> LiveFeed:
        async def read(_since_s: float) -> bytes:
            view = await self._fleet.view()
            hosts = [fleet_host_document(host) for host in view.hosts]
            return message("metrics", name, time_ms=view.time_ms, hosts=hosts)

        return LiveFeed(read)

    def _alerts(self, name: str) -> LiveFeed:
        async def read(_since_s: float) -> bytes:
            found = [item.alert for item in self._services.alerting.open_alerts()]
            return message("alerts", name, alerts=[alert_document(alert) for alert in found])

        return LiveFeed(read)

    def _region(self, name: str, page: str, request: web.Request) -> LiveFeed:
        found = self._shell.region(request, page)
        reader = RegionReader(name, found.share)
        # Others than those of the other pages, so that not all are rendered at one moment.
        phase = zlib.crc32(page.encode()) / 2**32
        return LiveFeed(reader.read, found.following, reader.forget, phase)
