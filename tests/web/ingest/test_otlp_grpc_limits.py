"""OTLP over gRPC has the quotas, connection caps, deadlines and TLS of the HTTP address."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pytest_aiohttp import AiohttpClient

from ingest.errors import TooMuchError
from model.limits import LimitName
from model.memory_pressure import MemoryPressure
from model.web_config.live import LiveWebConfig
from model.web_config.settings import TlsServer, WebConfig
from tests.certificates import Authority
from tests.patience import PATIENCE_S
from tests.web.ingest.grpc_setting import (
    LOGS,
    METRICS,
    TRACES,
    Setting,
    grpc_setting,
    metrics,
    names_in,
    retry_after_s,
)
from web.settings import WebSettings

PROTOBUF = {"Content-Type": "application/x-protobuf"}


def settings_of(**sections: Any) -> WebSettings:
    return WebSettings.model_validate(sections)


async def test_a_key_has_one_quota_over_http_and_grpc(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    quotas = settings_of(rate_limits={"push": {"address_per_minute": 0, "key_per_minute": 4}})
    async with grpc_setting(tmp_path, aiohttp_client, quotas) as setting:
        headers = {**PROTOBUF, "Authorization": f"Bearer {setting.token}"}
        for _ in range(3):
            response = await setting.world.client.post("/v1/traces", data=b"", headers=headers)
            assert response.status == 200
        await setting.call(TRACES, b"")
        error = await setting.refused(TRACES, b"")
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "more than 4 requests a minute from this key" in error.details()
        assert retry_after_s(error)
        response = await setting.world.client.post("/v1/traces", data=b"", headers=headers)
        assert response.status == 429


async def test_an_address_has_one_quota_over_http_and_grpc(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    quotas = settings_of(rate_limits={"push": {"address_per_minute": 2, "key_per_minute": 0}})
    async with grpc_setting(tmp_path, aiohttp_client, quotas) as setting:
        await setting.refused(TRACES, b"", "wrong")
        response = await setting.world.client.post("/v1/traces", data=b"", headers=PROTOBUF)
        assert response.status == 401
        error = await setting.refused(TRACES, b"")
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "from this address" in error.details()


async def test_quota_behind_a_trusted_proxy_is_that_of_the_client(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    quotas = settings_of(
        rate_limits={"push": {"address_per_minute": 1, "key_per_minute": 0}},
        trusted_proxies=["127.0.0.1"],
    )
    async with grpc_setting(tmp_path, aiohttp_client, quotas) as setting:
        for client in ("10.1.1.1", "10.1.1.2"):
            metadata = (("x-api-key", setting.token), ("x-forwarded-for", client))
            await setting.send(TRACES, b"", metadata)
        with pytest.raises(grpc.RpcError) as caught:
            await setting.send(TRACES, b"", metadata)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_idle_connections_of_an_address_make_room_for_its_newer_ones(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    limits = settings_of(connections={"per_address": 2})
    async with grpc_setting(tmp_path, aiohttp_client, limits) as setting:
        clients = [await asyncio.open_connection("127.0.0.1", setting.port) for _ in range(3)]
        # gRPC sends its settings first; after them nothing comes but the end.
        async with asyncio.timeout(PATIENCE_S):
            await clients[0][0].read()
        assert setting.refusals(LimitName.ADDRESS_CONNECTIONS) == 1
        assert len(setting.places) == 2
        for _, writer in clients:
            writer.close()
        await setting.call(METRICS, metrics("hits"))


async def test_connection_that_serves_a_request_keeps_its_place(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    limits = settings_of(connections={"per_address": 1})
    async with grpc_setting(tmp_path, aiohttp_client, limits) as setting:
        setting.sink.waiting = asyncio.Event()
        call = asyncio.ensure_future(setting.call(LOGS, b""))
        await asyncio.wait_for(setting.sink.arrived.wait(), PATIENCE_S)
        refused, writer = await asyncio.open_connection("127.0.0.1", setting.port)
        async with asyncio.timeout(PATIENCE_S):
            assert await refused.read() == b""
        writer.close()
        setting.sink.waiting.set()
        assert await call
        assert setting.refusals(LimitName.ADDRESS_CONNECTIONS) == 1


class Withheld:
    """A message that a client does not send before it is released."""

    def __init__(self) -> None:
        self._released = threading.Event()

    def messages(self) -> Iterator[bytes]:
        self._released.wait(PATIENCE_S)
        yield b""

    async def error(self, setting: Setting, token: str) -> Any:
        """Return the error of a call whose message is withheld."""

        def call() -> None:
            metadata = (("authorization", f"Bearer {token}"),)
            method = setting.channel.stream_unary(TRACES)
            method(self.messages(), metadata=metadata, timeout=PATIENCE_S)

        try:
            with pytest.raises(grpc.RpcError) as caught:
                await asyncio.to_thread(call)
        finally:
            self._released.set()
        return caught.value


async def test_sender_is_refused_before_its_message_is_received(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with grpc_setting(tmp_path, aiohttp_client) as setting:
        error = await Withheld().error(setting, "wrong")
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_message_that_does_not_arrive_in_time_is_given_up(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    deadline = settings_of(connections={"body_timeout_s": 0.2})
    async with grpc_setting(tmp_path, aiohttp_client, deadline) as setting:
        error = await Withheld().error(setting, setting.token)
        assert error.code() is grpc.StatusCode.CANCELLED
        assert setting.refusals(LimitName.BODY_TIME) == 1


async def test_large_message_arrives_whole(tmp_path: Path, aiohttp_client: AiohttpClient) -> None:
    message = ExportTraceServiceRequest()
    spans = message.resource_spans.add().scope_spans.add()
    for _ in range(8):
        spans.spans.add(name="x" * 2**20)
    async with grpc_setting(tmp_path, aiohttp_client) as setting:
        answer = await setting.call(TRACES, message.SerializeToString())
        assert b"traces are not stored" in answer


async def test_large_message_is_to_be_repeated_while_memory_is_short(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with grpc_setting(tmp_path, aiohttp_client) as setting:
        setting.world.services.memory.pressure = MemoryPressure.HIGH
        error = await setting.refused(METRICS, bytes(2**21))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert retry_after_s(error)


async def test_message_with_too_much_inside_is_not_to_be_repeated(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with grpc_setting(tmp_path, aiohttp_client) as setting:
        setting.sink.error = TooMuchError("more than 200,000 points")
        error = await setting.refused(LOGS, b"")
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert error.details() == "more than 200,000 points"
        assert retry_after_s(error) is None


def tls_of(authority: Authority, pair: Any, **further: Any) -> LiveWebConfig:
    tls = TlsServer(
        cert_file=pair.cert, key_file=pair.key, client_ca_file=authority.cert, **further
    )
    return LiveWebConfig("web.tls", lambda: WebConfig(tls=tls), (), http2=True)


def secure(authority: Authority, pair: Any = None) -> Any:
    """Return what opens a channel that trusts an authority, with a certificate or none."""
    own = (None, None) if pair is None else (pair.key.read_bytes(), pair.cert.read_bytes())
    credentials = grpc.ssl_channel_credentials(authority.cert.read_bytes(), *own)
    return lambda address: grpc.secure_channel(address, credentials)


async def test_tls_is_spoken_with_the_certificate_of_the_web(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    authority = await asyncio.to_thread(Authority, tmp_path)
    pair = await asyncio.to_thread(authority.issue, "server", "127.0.0.1")
    live = await asyncio.to_thread(tls_of, authority, pair)
    opened = await asyncio.to_thread(secure, authority)
    async with grpc_setting(
        tmp_path, aiohttp_client, web_config=live, channel_of=opened
    ) as setting:
        await setting.call(METRICS, metrics("hits"))
        assert "hits_total" in await names_in(setting.store)
        with grpc.insecure_channel(f"127.0.0.1:{setting.port}") as setting.channel:
            error = await setting.refused(METRICS, metrics("hits"))
        assert error.code() is grpc.StatusCode.UNAVAILABLE


async def test_client_without_a_required_certificate_is_refused(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    authority = await asyncio.to_thread(Authority, tmp_path)
    pair = await asyncio.to_thread(authority.issue, "server", "127.0.0.1")
    own = await asyncio.to_thread(authority.issue, "client", "client")
    asks = {"client_auth_type": "RequireAndVerifyClientCert"}
    live = await asyncio.to_thread(tls_of, authority, pair, **asks)
    opened = await asyncio.to_thread(secure, authority, own)
    without = await asyncio.to_thread(secure, authority)
    async with grpc_setting(
        tmp_path, aiohttp_client, web_config=live, channel_of=opened
    ) as setting:
        await setting.call(METRICS, metrics("hits"))
        with without(f"127.0.0.1:{setting.port}") as setting.channel:
            error = await setting.refused(METRICS, metrics("hits"))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
