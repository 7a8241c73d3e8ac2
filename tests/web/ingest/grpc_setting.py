"""OTLP over gRPC behind the server's acceptor, with a store and users."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from pytest_aiohttp import AiohttpClient

from ingest.limits.write_limits import BudgetLimits, WriteLimits
from ingest.otlp.receiver import OtlpReceiver
from model.conditions import Conditions
from model.limits import LimitName
from model.telemetry.log_records import LogOutcome
from model.web_config.live import LiveWebConfig
from storage.api.accounts import Role, Scope
from storage.samples.store import SqliteSampleStore
from tests.ingest.otlp.otlp_setting import NOW_MS, counter, request
from tests.patience import PATIENCE_S
from tests.web.world import World, world_at
from web.connections.accepting import Acceptor
from web.connections.places import Capacity, ConnectionPlaces
from web.connections.relay import Relay
from web.identity.push_admission import PUSH_ADMISSION
from web.ingest.otlp_grpc import OtlpGrpcServer
from web.settings import WebSettings

PACKAGE = "opentelemetry.proto.collector"
METRICS = f"/{PACKAGE}.metrics.v1.MetricsService/Export"
LOGS = f"/{PACKAGE}.logs.v1.LogsService/Export"
TRACES = f"/{PACKAGE}.trace.v1.TraceService/Export"


class Sink:
    """Raises an error, or stores nothing."""

    error: Exception | None = None
    waiting: asyncio.Event | None = None

    def __init__(self) -> None:
        self.arrived = asyncio.Event()

    async def receive(self, logs: Any, sender: str, token: str) -> LogOutcome:
        if self.error is not None:
            raise self.error
        assert sender
        assert token
        self.arrived.set()
        if self.waiting is not None:
            await self.waiting.wait()
        return LogOutcome(1, "only the events of coding agents are stored")


@dataclass
class Setting:
    server: OtlpGrpcServer
    channel: Any
    port: int
    places: ConnectionPlaces
    world: World
    sink: Sink
    store: SqliteSampleStore
    token: str
    viewer: str

    async def call(self, path: str, body: bytes, token: str | None = None, **options: Any) -> bytes:
        token = self.token if token is None else token
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        return await self.send(path, body, metadata, **options)

    async def send(self, path: str, body: bytes, metadata: Any, **options: Any) -> bytes:
        method = self.channel.unary_unary(path)
        answer: bytes = await asyncio.to_thread(
            method, body, metadata=metadata, timeout=PATIENCE_S, **options
        )
        return answer

    async def refused(self, path: str, body: bytes, token: str | None = None) -> Any:
        with pytest.raises(grpc.RpcError) as caught:
            await self.call(path, body, token)
        return caught.value

    def refusals(self, limit: LimitName) -> int:
        return self.world.services.refusals.totals()[limit]


@asynccontextmanager
async def grpc_setting(
    tmp_path: Path,
    aiohttp_client: AiohttpClient,
    settings: WebSettings | None = None,
    web_config: LiveWebConfig | None = None,
    channel_of: Any = None,
) -> AsyncIterator[Setting]:
    """Start the server, and connect to it.

    Args:
        tmp_path, aiohttp_client: pytest's.
        settings: of the web.
        web_config: TLS.
        channel_of: returns the channel to an address; None for one without TLS.
    """
    settings = settings or WebSettings()
    sink, store = Sink(), SqliteSampleStore(tmp_path / "samples", clock=lambda: NOW_MS)
    await asyncio.to_thread(store.open)
    limits = WriteLimits(sender=BudgetLimits(new_series_per_minute=5))
    receiver = OtlpReceiver(store, store, lambda: NOW_MS, limits, logs=sink)
    async with world_at(tmp_path, aiohttp_client, settings, otlp=receiver) as world:
        refusals, connections = world.services.refusals, settings.connections
        capacity = Capacity(connections.total, connections.per_address, 10_000)
        places = ConnectionPlaces(capacity, lambda: 0, refusals.count)
        path = str(tmp_path / "g.sock")
        relay = Relay(path, places, connections.send_timeout_s)
        admission = world.client.app[PUSH_ADMISSION]
        server = OtlpGrpcServer(receiver, admission, connections, relay.client)
        await server.start(path)
        conditions = Conditions(world.services.clock)
        acceptor = Acceptor(relay, places, settings, conditions, web_config, http2=True)
        port = await acceptor.listen("127.0.0.1", 0)
        push = await world.bearer(Role.EDITOR, frozenset({Scope.PUSH}))
        viewer = await world.bearer(Role.VIEWER)
        with (channel_of or grpc.insecure_channel)(f"127.0.0.1:{port}") as channel:
            yield Setting(
                server,
                channel,
                port,
                places,
                world,
                sink,
                store,
                push["Authorization"].removeprefix("Bearer "),
                viewer["Authorization"].removeprefix("Bearer "),
            )
        await acceptor.close()
        await server.stop()
        await relay.close()
    await asyncio.to_thread(store.close)


def metrics(*names: str) -> bytes:
    message = request(*(counter(name, (NOW_MS - 1000, NOW_MS, 1.0)) for name in names))
    body: bytes = message.SerializeToString()
    return body


async def names_in(store: SqliteSampleStore) -> set[str]:
    parts = await asyncio.to_thread(store.select, [], 0, 2 * time.time_ns() // 1_000_000)
    return {labels.metric for part in parts for labels in part.labels}


def retry_after_s(error: Any) -> int | None:
    """Return the seconds of an error's `RetryInfo`, None without one."""
    for name, value in error.trailing_metadata():
        if name == "grpc-status-details-bin":
            status = Status.FromString(value)
            assert (status.code, status.message) == (error.code().value[0], error.details())
            for detail in status.details:
                assert detail.type_url == "type.googleapis.com/google.rpc.RetryInfo"
                retry = RetryInfo()
                assert detail.Unpack(retry)
                return int(retry.retry_delay.seconds)
    return None
