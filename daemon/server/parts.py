"""Constructs the server's parts, each once, and passes each the parts that it needs."""

import importlib.metadata
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from prometheus_client import CollectorRegistry

from alerting.built_in_groups import CheckSources
from alerting.receiver_set import NotificationSenders
from alerting.service import AlertingConfiguration, AlertingService
from alerting.time_source import TimeSource
from analytics.series.counters import ProjectCounters
from analytics.series.recorder import SeriesRecorder
from analytics.service import Analytics
from analytics.sessions.service import AgentSessions
from daemon import logs
from daemon.configuration.configuration import Configuration
from daemon.configuration.reload import Reloader
from daemon.configuration.settings import Settings
from daemon.data_directory import DataDirectory
from daemon.exporter_file import ExporterFile
from daemon.receiver_clients import notification_senders
from daemon.server import project_analytics, push_receivers
from daemon.server.alertmanager_metrics import AlertmanagerCollector
from daemon.server.alertmanagers import Alertmanagers
from daemon.server.loop_lag import LoopLagMonitor, watchdog_feed
from daemon.server.management.backup_keeper import BackupKeeper
from daemon.server.management.local_zone import local_zone
from daemon.server.management.managed import Management
from daemon.server.management.stored_receivers import StoredReceivers
from daemon.server.management.stored_rules import StoredRules
from daemon.server.metrics import (
    ConditionCollector,
    ConfigurationCollector,
    DiscoveryCollector,
    LagCollector,
    LimitCollector,
    MemoryCollector,
    PushCollector,
    RecordsCollector,
    ScraperCollector,
    StoreCollector,
    new_registry,
)
from daemon.server.push_metrics import OtlpCollector, OutcomeCollector, RemoteWriteCollector
from daemon.server.query_engine import query_engine
from daemon.server.scraper_identity import client_access, renew
from daemon.server.scraping import Scraping, watched_probes
from daemon.server.stores import Stores
from ingest.devices.inbox import MessageInbox
from ingest.gateway.gateway import PushGateway
from ingest.hosts.pushed_hosts import PushedHosts
from ingest.otlp.receiver import OtlpReceiver
from ingest.remote_write.receiver import RemoteWriteReceiver
from ingest.series.commits import GroupCommit
from model.limits import Refusals
from model.memory_pressure import MemoryReading
from model.process.resident_memory import RecentMemory, control_group_limit_bytes
from model.web_config.live import LiveWebConfig
from promql.api import MetadataByMetric
from promql.engine import LocalEngine
from scraper.probing.heartbeats import Heartbeats
from scraper.probing.library import ProbeLibrary
from scraper.probing.service import ProbeService
from storage.api.audit import NewAuditEntry
from web.http.audit_trail import audit_retention
from web.identity.secret_hashes import secret_hash
from web.services import Pushes, Services

_Made = tuple[StoredReceivers, StoredRules]
"""What was made in the UI."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of the server, except the web application."""

    stores: Stores
    engine: LocalEngine
    scraping: Scraping
    commits: GroupCommit
    pushed: PushedHosts
    alerting: AlertingService
    alertmanagers: Alertmanagers
    loop_lag: LoopLagMonitor
    reloader: Reloader
    remote_write: RemoteWriteReceiver
    otlp: OtlpReceiver
    gateway: PushGateway
    refusals: Refusals
    memory: MemoryReading
    analytics: Analytics
    agent_sessions: AgentSessions
    recorder: SeriesRecorder | None
    management: Management

    async def hosts_changed(self) -> None:
        """Apply a change of the registered hosts."""
        await self.scraping.refresh()
        await self.pushed.refresh()


@asynccontextmanager
async def constructed(
    stores: Stores,
    configuration: Configuration,
    read: Callable[[], Configuration],
    directory: DataDirectory,
) -> AsyncIterator[Parts]:
    """Construct the parts, and close them when the block ends.

    Group commits and pushed hosts start here, because requests need them; `server` starts the rest.

    Args:
        stores: open stores, which must stay open until the block ends.
        configuration: the current configuration.
        read: returns the configuration for a reload; blocks.
        directory: the data directory of the stores.

    Raises:
        StorageError: the records cannot be read.
    """
    settings, samples, refusals = configuration.settings, stores.samples, Refusals()
    sessions, memory = project_analytics.agent_sessions_of(stores, settings), _memory(settings)
    async with AsyncExitStack() as stack:
        scraping = await _scraping(stores, configuration, directory, refusals)
        remote_write = push_receivers.remote_write_of(stores, settings, refusals, memory)
        analytics = project_analytics.analytics_of(stores, settings, refusals)
        otlp = push_receivers.otlp_of(stores, configuration, sessions, refusals, memory)
        metadata = partial(_metadata, scraping, remote_write, otlp, analytics.counters, sessions)
        engine = query_engine(samples, settings, metadata, refusals, memory)
        stack.push_async_callback(engine.close)
        commits = await stack.enter_async_context(GroupCommit(samples, stores.messages).running())
        pushed = await stack.enter_async_context(_pushed_hosts(stores, commits).running())
        senders = await stack.enter_async_context(notification_senders())
        loop_lag = await stack.enter_async_context(LoopLagMonitor(watchdog_feed()))
        alerting, alertmanagers, made = await _alerting(
            stores, configuration, engine, senders, scraping, pushed, loop_lag.lag_s, refusals
        )
        loop_lag.evaluation_stall_s = lambda: alerting.evaluation_stall_s
        reloader, management = _reloader(
            stores, configuration, read, directory, scraping, alerting, alertmanagers, otlp, made
        )
        yield Parts(
            stores=stores,
            engine=engine,
            scraping=scraping,
            commits=commits,
            pushed=pushed,
            alerting=alerting,
            alertmanagers=alertmanagers,
            loop_lag=loop_lag,
            reloader=reloader,
            remote_write=remote_write,
            otlp=otlp,
            gateway=await push_receivers.gateway_of(stores, reloader, refusals, memory),
            refusals=refusals,
            memory=memory,
            analytics=analytics,
            agent_sessions=sessions,
            recorder=project_analytics.recorder_of(stores, analytics, sessions, reloader),
            management=management,
        )


def _memory(settings: Settings) -> MemoryReading:
    """Return a reading against the configured limit, or that of the control group."""
    limit_bytes = settings.server.memory_limit
    if limit_bytes is None:
        limit_bytes = control_group_limit_bytes()
    return MemoryReading(limit_bytes or None, measure=RecentMemory())


async def _scraping(
    stores: Stores, configuration: Configuration, directory: DataDirectory, refusals: Refusals
) -> Scraping:
    await renew(configuration.settings, directory)
    return Scraping(
        configuration,
        stores.records.hosts,
        stores.samples,
        stores.clock,
        stores.conditions,
        client_access(directory),
        _probes(stores),
        refusals,
    )


def _probes(stores: Stores) -> ProbeService:
    records, clock = stores.records.probes, stores.clock
    heartbeats = Heartbeats(records, secret_hash, clock)
    return ProbeService.of(ProbeLibrary(records, stores.keys, clock), heartbeats, clock)


def _metadata(
    scraping: Scraping,
    remote_write: RemoteWriteReceiver,
    otlp: OtlpReceiver,
    counters: ProjectCounters,
    sessions: AgentSessions,
) -> MetadataByMetric:
    """Return the metadata of scraped and written metrics, and of the counters of projects."""
    scraped = scraping.scraper.metadata()
    for pushed in (remote_write.metadata, otlp.metadata):
        for family, entries in pushed.by_family().items():
            scraped.setdefault(family, set()).update(entries)
    return project_analytics.with_counters(scraped, counters, sessions)


def _pushed_hosts(stores: Stores, commits: GroupCommit) -> PushedHosts:
    return PushedHosts(
        samples=stores.samples,
        reader=stores.samples,
        messages=stores.messages,
        commits=commits,
        hosts=stores.records.hosts,
        keys=stores.records.host_keys,
        clock=stores.clock,
    )


async def _alerting(
    stores: Stores,
    configuration: Configuration,
    engine: LocalEngine,
    senders: NotificationSenders,
    scraping: Scraping,
    pushed: PushedHosts,
    loop_lag_s: Callable[[], float],
    refusals: Refusals,
) -> tuple[AlertingService, Alertmanagers, _Made]:
    added = StoredReceivers(stores.records.added_receivers, stores.keys, stores.clock)
    rules = StoredRules(stores.records.rule_groups, stores.clock)
    await added.load()
    await rules.load()
    made = added, rules
    alerting = AlertingService(
        _alerting_configuration(configuration, made),
        stores.records.alerts,
        engine,
        stores.samples,
        CheckSources(
            hosts=lambda: [*scraping.targets.hosts(), *pushed.hosts()],
            conditions=stores.conditions,
            probes=lambda: watched_probes(scraping),
            loop_lag_s=loop_lag_s,
        ),
        senders,
        TimeSource(stores.clock),
        refusals=refusals,
        sign=partial(stores.keys.authentication_code, "acknowledge links"),
    )
    return alerting, Alertmanagers(configuration, alerting, stores.clock), made


def _alerting_configuration(configuration: Configuration, made: _Made) -> AlertingConfiguration:
    """Return the alerting of the configuration files, joined with what was made in the UI."""
    added, rules = made
    settings = added.joined(configuration.settings.alerting)
    return AlertingConfiguration(
        settings, tuple(rules.joined(configuration)), configuration.routing
    )


def _reloader(
    stores: Stores,
    configuration: Configuration,
    read: Callable[[], Configuration],
    directory: DataDirectory,
    scraping: Scraping,
    alerting: AlertingService,
    alertmanagers: Alertmanagers,
    otlp: OtlpReceiver,
    made: _Made,
) -> tuple[Reloader, Management]:
    added, rules = made
    retention = audit_retention(configuration.settings.web)

    async def apply(new: Configuration) -> None:
        await renew(new.settings, directory)
        logs.configure(new.settings.log.level, new.settings.log.format)
        await scraping.apply(new)
        otlp.translate(new.otlp)
        await alerting.reconfigure(_alerting_configuration(new, made))
        alertmanagers.apply(new)

    async def on_signal() -> None:
        entry = NewAuditEntry(stores.clock(), "SIGHUP", "", "configuration.reload")
        await stores.records.audit.add(entry, retention)

    reloader = Reloader(configuration, read, apply, stores.clock, directory.path, on_signal)
    added.follow(lambda: reloader.current.settings.alerting, reloader.apply_again)
    rules.follow(reloader.changing, alerting.replace_rules)
    backups = BackupKeeper(directory.path, lambda: reloader.current.settings.backups, stores.clock)
    return reloader, Management(added, rules, backups)


def services_of(parts: Parts, web_config: LiveWebConfig | None = None) -> Services:
    """Return the services that the web application depends on."""
    stores, reloader, scraper = parts.stores, parts.reloader, parts.scraping.scraper
    records, samples = stores.records, stores.samples
    version = importlib.metadata.version("redshank")
    return Services(
        hosts=records.hosts,
        host_views=records.host_views,
        accounts=records.accounts,
        alerts=records.alerts,
        audit=records.audit,
        second_factors=records.second_factors,
        keys=stores.keys,
        alerting=parts.alerting,
        samples=samples,
        sample_administration=stores.administration,
        cardinality=samples.cardinality,
        engine=parts.engine,
        targets=scraper.statuses,
        discovered=parts.scraping.targets,
        pushes=Pushes(_inbox(parts), parts.pushed, records.host_keys),
        configuration=reloader,
        registry=_registry(parts, version),
        conditions=stores.conditions,
        analytics=parts.analytics,
        agent_sessions=parts.agent_sessions,
        annotations=records.annotations,
        dashboards=records.dashboards,
        dashboard_shares=records.dashboard_shares,
        queries=records.queries,
        preferences=records.preferences,
        identities=records.external_identities,
        managed_receivers=parts.management.receivers,
        managed_rules=parts.management.rules,
        backups=parts.management.backups,
        server_zone=local_zone(),
        clock=stores.clock,
        version=version,
        started_ms=stores.clock(),
        hosts_changed=parts.hosts_changed,
        added_hosts=lambda: reloader.current.settings.scrape.added_hosts,
        host_checks=lambda: reloader.current.settings.alerting.checks,
        target_metadata=scraper.target_metadata,
        alertmanagers=lambda: sorted(parts.alertmanagers.notifier.queues),
        remote_write=parts.remote_write,
        otlp=parts.otlp,
        push_gateway=parts.gateway,
        refusals=parts.refusals,
        web_config=web_config,
        memory=parts.memory,
        probes=parts.scraping.probes,
        exporter_file=ExporterFile().content,
        listen=reloader.current.settings.server.listen,
        status_pages=records.status_pages,
    )


def _inbox(parts: Parts) -> MessageInbox:
    """Return what accepts the messages of hosts and devices."""
    stores, limits = parts.stores, parts.reloader.current.settings.ingest.limits()
    given = (stores.samples, stores.messages, parts.commits, stores.clock, limits)
    return MessageInbox(*given, refusals=parts.refusals, memory=parts.memory)


def _registry(parts: Parts, version: str) -> CollectorRegistry:
    """Return the registry of the server's own metrics."""
    stores = parts.stores
    registry = new_registry(version)
    for collector in (
        StoreCollector(stores.samples.stats),
        RecordsCollector(lambda: stores.records.damaged_rows),
        ScraperCollector(parts.scraping.scraper),
        DiscoveryCollector(parts.scraping.discovery),
        PushCollector(stores.messages),
        ConfigurationCollector(lambda: parts.reloader.state),
        RemoteWriteCollector(parts.remote_write),
        OtlpCollector(parts.otlp),
        OutcomeCollector(parts.agent_sessions),
        LimitCollector(parts.refusals),
        MemoryCollector(parts.memory),
        ConditionCollector(stores.conditions),
        AlertmanagerCollector(parts.alertmanagers.notifier),
        LagCollector(
            lambda: parts.alerting.evaluation_lag_s,
            parts.loop_lag.lag_s,
            lambda: stores.clock.jump_ms,
            parts.alerting.heartbeat,
        ),
    ):
        registry.register(collector)
    return registry
