"""Constructs the receivers of remote write, of OTLP and of the Pushgateway."""

from analytics.sessions.log_sink import AgentLogSink
from analytics.sessions.service import AgentSessions
from daemon.configuration.configuration import Configuration
from daemon.configuration.reload import Reloader
from daemon.configuration.settings import Settings
from daemon.server.stores import Stores
from ingest.gateway.gateway import PushGateway
from ingest.otlp.receiver import OtlpReceiver
from ingest.remote_write.receiver import RemoteWriteReceiver
from model.limits import Refusals
from model.memory_pressure import MemoryReading


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
        pseudonyms=sessions.store.pseudonym_function if sessions.settings.hash_emails else None,
        refusals=refusals,
        memory=memory,
    )
