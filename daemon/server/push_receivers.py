"""Constructs the receivers of remote write, of OTLP and of the Pushgateway."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from analytics.sessions.log_sink import AgentLogSink
from analytics.sessions.service import AgentSessions
from daemon.configuration.configuration import Configuration
from daemon.configuration.reload import Reloader
from daemon.configuration.settings import Settings
from daemon.errors import ConfigurationError, ServerListenError
from daemon.server.stores import Stores
from ingest.gateway.gateway import PushGateway
from ingest.otlp.receiver import OtlpReceiver
from ingest.remote_write.receiver import RemoteWriteReceiver
from model.addresses import ListenAddress
from model.limits import Refusals
from model.memory_pressure import MemoryReading
from model.web_config.live import LiveWebConfig
from web.identity.access_tokens import AccessTokens
from web.identity.authentication import Authenticator


async def gateway_of(
    stores: Stores, reloader: Reloader, refusals: Refusals, memory: MemoryReading
) -> PushGateway:
    """Return the gateway with the groups of the records."""
    gateway = PushGateway(
        stores.samples,
        stores.records.pushed_groups,
        stores.clock,
        lambda: reloader.current.settings.scrape.interval,
        reloader.current.settings.ingest.limits(),
        refusals=refusals,
        memory=memory,
    )
    await gateway.load()
    return gateway


def remote_write_of(
    stores: Stores, settings: Settings, refusals: Refusals, memory: MemoryReading
) -> RemoteWriteReceiver:
    """Return the receiver of remote write."""
    limits = settings.ingest.limits()
    return RemoteWriteReceiver(
        stores.samples, stores.samples, stores.clock, limits, refusals=refusals, memory=memory
    )


def otlp_of(
    stores: Stores,
    configuration: Configuration,
    sessions: AgentSessions,
    refusals: Refusals,
    memory: MemoryReading,
) -> OtlpReceiver:
    """Return the receiver of OTLP, whose log records become sessions of coding agents."""
    return OtlpReceiver(
        stores.samples,
        stores.samples,
        stores.clock,
        configuration.settings.ingest.limits(),
        translation=configuration.otlp,
        logs=AgentLogSink(sessions.ingestion, stores.clock),
        refusals=refusals,
        memory=memory,
    )


_KEY = "ingest.otlp_grpc_listen"


@asynccontextmanager
async def otlp_grpc(
    stores: Stores,
    receiver: OtlpReceiver,
    refusals: Refusals,
    settings: Settings,
    web_config: LiveWebConfig | None,
) -> AsyncIterator[int | None]:
    """Serve OTLP over gRPC until the block ends, if it has an address; yield its port.

    Raises:
        ConfigurationError: grpcio is not installed, or client certificates are required.
        ServerListenError: the server cannot listen on the address.
    """
    if settings.ingest.otlp_grpc_listen is None:
        yield None
        return
    try:
        from web.ingest.otlp_grpc import OtlpGrpcServer
    except ImportError as exc:
        message = f"{_KEY}: grpcio is not installed; pip install 'redshank[server,grpc]'"
        raise ConfigurationError(message) from exc
    web, accounts, clock = settings.web, stores.records.accounts, stores.clock
    tokens = AccessTokens(accounts, stores.keys, clock, web.token_lifetime_s)
    authenticator = Authenticator(accounts, tokens, clock, web)
    server = OtlpGrpcServer(receiver, authenticator, web.rate_limits.push, clock, refusals)
    listen = ListenAddress.parse(settings.ingest.otlp_grpc_listen)
    address = str(listen) if listen.host else f"[::]:{listen.port}"
    try:
        port = await server.start(address, await asyncio.to_thread(_pem, web_config))
    except RuntimeError as exc:
        raise ServerListenError(f"{_KEY}: cannot listen on {listen}: {exc}") from exc
    try:
        yield port
    finally:
        await server.stop()


def _pem(web_config: LiveWebConfig | None) -> tuple[bytes, bytes] | None:
    """Return the private key and the certificates of the server, None for plain HTTP; blocks."""
    tls = None if web_config is None else web_config.current.config.tls
    if tls is None:
        return None
    if tls.client_auth_type not in ("", "NoClientCert"):
        raise ConfigurationError(f"{_KEY}: gRPC does not check the client certificates of web.tls")

    def content(text: str, file: Path | None) -> bytes:
        return text.encode() if file is None else file.read_bytes()

    return content(tls.key, tls.key_file), content(tls.cert, tls.cert_file)
