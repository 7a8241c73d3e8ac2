"""The server: every part constructed, started in order, and stopped in the reverse one."""

import asyncio
import importlib.metadata
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import click
import structlog
import uvloop
from aiohttp import web
from isal import isal_zlib

from alerting.errors import AlertingError
from alerting.service import AlertingService
from daemon import logs
from daemon.configuration import Configuration, ConfigurationSource
from daemon.data_directory import DataDirectory
from daemon.errors import DaemonError, ListenError
from daemon.exporter_process import ExporterProcess
from daemon.interpreter import settle_garbage_collection, share_malloc_arena
from daemon.metrics import (
    ConfigurationCollector,
    PushCollector,
    RecordsCollector,
    RemoteWriteCollector,
    ScraperCollector,
    StoreCollector,
    new_registry,
)
from daemon.reload import Reloader
from daemon.scraping import Scraping
from model.addresses import ListenAddress
from model.clock import system_clock
from model.sd_notify import sd_notify, watchdog_interval_s
from promql.engine import EngineSettings, LocalEngine
from promql.parser import parse_selector
from promql.settings import QuerySettings
from scraper.push.commits import GroupCommit
from scraper.push.gateway import PushGateway
from scraper.push.hosts import PushedHosts
from scraper.push.inbox import MessageInbox
from scraper.push.remote_write import RemoteWriteReceiver
from storage.api.audit import NewAuditEntry
from storage.api.errors import StorageError
from storage.messages.log import SqliteMessageLog
from storage.records.records import Records
from storage.samples.store import SqliteSampleStore
from web.accounts.first_admin import FIRST_ADMIN, ensure_first_admin
from web.accounts.keys import KeyRing, KeysError
from web.app import create_app
from web.audit import audit_retention
from web.bodies import SERVER_OPTIONS
from web.services import Pushes, Services

log = structlog.get_logger(__name__)

_STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class LocalExporter:
    """This machine's exporter, which `redshank up` runs beside the server."""

    host: str
    listen: ListenAddress


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """What to run.

    Attributes:
        source: where the configuration comes from, now and with each reload.
        admin_password: the first administrator's, None to have one made and printed.
        exporter: None where the server runs alone.
    """

    source: ConfigurationSource
    directory: DataDirectory
    admin_password: str | None = None
    exporter: LocalExporter | None = None


def run(plan: ServerPlan) -> None:
    """Run the server until it is told to stop (SIGTERM, SIGINT).

    Raises:
        click.ClickException: it cannot start; the message says what to do.
    """
    share_malloc_arena()
    aiohttp.set_zlib_backend(isal_zlib)
    try:
        configuration = plan.source.read()
        log_settings = configuration.settings.log
        logs.configure(log_settings.level, log_settings.format)
        plan.directory.create()
        with plan.directory.locked():
            uvloop.run(_serve(plan, configuration))
    except (AlertingError, DaemonError, KeysError, StorageError, OSError) as exc:
        raise click.ClickException(str(exc)) from exc


async def _serve(plan: ServerPlan, configuration: Configuration) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running_server(plan, configuration) as server:
        loop.add_signal_handler(signal.SIGHUP, server.request_reload)
        settle_garbage_collection()
        _announce(plan, server)
        sd_notify("READY=1")
        log.info("server_started", url=server.url, data_directory=str(plan.directory.path))
        await stop.wait()
        sd_notify("STOPPING=1")
        log.info("server_stopping")
    log.info("server_stopped")


def _announce(plan: ServerPlan, server: "RunningServer") -> None:
    """Tell the person at the terminal where to go, and the first password, once."""
    click.echo(f"\n  Redshank   {server.url}")
    if server.generated_password is not None:
        click.echo(f"  Login      {FIRST_ADMIN} / {server.generated_password}   (shown only now)")
    elif plan.admin_password is not None:
        told = "the password that REDSHANK_ADMIN_PASSWORD held on the first start"
        click.echo(f"  Login      {FIRST_ADMIN}, with {told}")
    click.echo()
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that answers.

    Attributes:
        url: under which this machine reaches it.
        generated_password: the first administrator's, if one was made just now.
        request_reload: has the configuration read again soon.
    """

    url: str
    generated_password: str | None
    request_reload: Callable[[], None]


def engine_settings(query: QuerySettings, timeout_s: float) -> EngineSettings:
    """Return what bounds every query."""
    return EngineSettings(
        timeout_s=timeout_s,
        lookback_ms=query.lookback_ms,
        max_samples=query.max_samples,
        threads=query.threads,
    )


@asynccontextmanager
async def running_server(
    plan: ServerPlan, configuration: Configuration
) -> AsyncIterator[RunningServer]:
    """Run every part for as long as the block lasts.

    Raises:
        StorageError: the data cannot be opened.
        ListenError: an address cannot be listened on.
    """
    settings, directory = configuration.settings, plan.directory
    async with AsyncExitStack() as stack:

        async def opened(part: SqliteSampleStore | SqliteMessageLog | Records) -> None:
            await asyncio.to_thread(part.open)
            stack.push_async_callback(asyncio.to_thread, part.close)

        store = SqliteSampleStore(directory.path, settings.storage, clock=system_clock)
        await opened(store)
        records = Records(directory.records)
        await opened(records)
        keys = await asyncio.to_thread(KeyRing.open, directory.keys, system_clock())
        messages = SqliteMessageLog(directory.messages)
        await opened(messages)
        password = await ensure_first_admin(records.accounts, plan.admin_password, system_clock())

        engine = LocalEngine(store, engine_settings(settings.query, settings.web.query_timeout_s))
        stack.push_async_callback(asyncio.to_thread, engine.close)
        scraping = Scraping(configuration, records.hosts, store, system_clock)
        targets, scraper = scraping.targets, scraping.scraper
        commits = await stack.enter_async_context(GroupCommit(store, messages).running())
        pushed = await stack.enter_async_context(
            PushedHosts(
                samples=store,
                reader=store,
                messages=messages,
                commits=commits,
                hosts=records.hosts,
                keys=records.host_keys,
                clock=system_clock,
            ).running()
        )
        connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        alerting = AlertingService(
            settings=settings.alerting,
            records=records.alerts,
            engine=engine,
            appender=store,
            hosts=lambda: [*targets.hosts(), *pushed.hosts()],
            session=session,
            clock=system_clock,
            rule_groups=configuration.rule_groups,
        )

        async def hosts_changed() -> None:
            await scraping.refresh()
            await pushed.refresh()

        async def apply(new: Configuration) -> None:
            logs.configure(new.settings.log.level, new.settings.log.format)
            await scraping.apply(new)
            await alerting.reconfigure(new.settings.alerting, new.rule_groups)

        async def reload_signalled() -> None:
            entry = NewAuditEntry(system_clock(), "SIGHUP", "", "configuration.reload")
            await records.audit.add(entry, audit_retention(settings.web))

        reloader = Reloader(
            configuration,
            plan.source.read,
            apply,
            system_clock,
            directory.path,
            reload_signalled,
        )
        version = importlib.metadata.version("redshank")
        registry = new_registry(version)
        registry.register(StoreCollector(store.stats))
        registry.register(RecordsCollector(lambda: records.damaged_rows))
        registry.register(ScraperCollector(scraper))
        registry.register(PushCollector(messages))
        registry.register(ConfigurationCollector(lambda: reloader.state))
        remote_write = RemoteWriteReceiver(store, store, system_clock)
        registry.register(RemoteWriteCollector(remote_write))
        push_gateway = PushGateway(
            store,
            records.pushed_groups,
            system_clock,
            lambda: reloader.current.settings.scrape.interval,
        )
        await push_gateway.load()
        services = Services(
            hosts=records.hosts,
            accounts=records.accounts,
            alerts=records.alerts,
            audit=records.audit,
            second_factors=records.second_factors,
            keys=keys,
            alerting=alerting,
            samples=store,
            cardinality=store.cardinality,
            engine=engine,
            parse_selector=parse_selector,
            targets=scraper.statuses,
            discovered=targets,
            pushes=Pushes(
                MessageInbox(store, messages, commits, system_clock), pushed, records.host_keys
            ),
            configuration=reloader,
            registry=registry,
            clock=system_clock,
            version=version,
            started_ms=system_clock(),
            hosts_changed=hosts_changed,
            added_hosts=lambda: reloader.current.settings.scrape.added_hosts,
            host_checks=lambda: reloader.current.settings.alerting.checks,
            metadata=scraper.metadata,
            target_metadata=scraper.target_metadata,
            remote_write=remote_write,
            push_gateway=push_gateway,
        )
        app = await asyncio.to_thread(create_app, services, settings.web)
        address = await _listen(stack, app, ListenAddress.parse(settings.server.listen), directory)

        if settings.server.scrape_self:
            targets.add_self(address.local_url.removeprefix("http://"))
        if plan.exporter is not None:
            exporter_url = plan.exporter.listen.local_url
            targets.add_local_host(plan.exporter.host, exporter_url.removeprefix("http://"))
        tasks = await stack.enter_async_context(_background(plan))
        pushing = tasks.create_task(push_gateway.run())
        stack.callback(pushing.cancel)
        await stack.enter_async_context(scraping.running())
        await alerting.start(tasks)
        stack.push_async_callback(alerting.stop)
        await stack.enter_async_context(reloader.running(tasks))
        yield RunningServer(address.local_url, password, reloader.request)


async def _listen(
    stack: AsyncExitStack,
    app: web.Application,
    listen: ListenAddress,
    directory: DataDirectory,
) -> ListenAddress:
    """Serve the application on its address and on the control socket; return the former."""
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=_STOP_S,
        **SERVER_OPTIONS,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    path = stack.enter_context(directory.socket_address())
    directory.control_socket.unlink(missing_ok=True)
    await web.UnixSite(runner, path).start()
    directory.control_socket.chmod(0o600)
    try:
        await web.TCPSite(runner, listen.host or None, listen.port).start()
    except OSError as exc:
        reason = os.strerror(exc.errno) if exc.errno else str(exc)
        raise ListenError(f"cannot listen on {listen}: {reason}; try another --listen") from exc
    port = next(address[1] for address in runner.addresses if isinstance(address, tuple))
    return ListenAddress(listen.host, port)


@asynccontextmanager
async def _background(plan: ServerPlan) -> AsyncIterator[asyncio.TaskGroup]:
    """Run what belongs to no part: the exporter's process and systemd's watchdog.

    Yields the group of tasks that they are in, for alerting's.
    """
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_feed_watchdog())]
        if plan.exporter is not None:
            exporter = ExporterProcess(plan.exporter.listen)
            running.append(tasks.create_task(exporter.run()))
            # Else the very first scrape would find nobody and show the host as down.
            await exporter.answers()
        try:
            yield tasks
        finally:
            for task in running:
                task.cancel()


async def _feed_watchdog() -> None:
    interval_s = watchdog_interval_s()
    while interval_s is not None:
        sd_notify("WATCHDOG=1")
        await asyncio.sleep(interval_s)
