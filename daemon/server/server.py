"""Runs the server: starts its parts in order and stops them in reverse order."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

import aiohttp
import click
import structlog
import uvloop
from aiohttp.web import Application
from isal import isal_zlib

from analytics.expiry import ProjectExpiry
from daemon import logs
from daemon.configuration.configuration import Configuration, ConfigurationSource
from daemon.data_directory import DataDirectory
from daemon.errors import ConfigurationError
from daemon.server.clock_watch import ClockWatch
from daemon.server.exporter_process import ExporterProcess
from daemon.server.interpreter import (
    collections_paused,
    configure_garbage_collection,
    configure_malloc,
    trim_heap,
    trim_malloc,
    tune_for_evaluations,
)
from daemon.server.listening import Doors, listening, otlp_grpc
from daemon.server.memory_guard import MemoryGuard
from daemon.server.parts import Parts, constructed, services_of
from daemon.server.scraper_identity import keep_renewed
from daemon.server.stores import Stores, opened_stores
from daemon.server.web_config import follow, open_web_config
from daemon.stand_in import StandIn, standing_in
from model.addresses import ListenAddress
from model.clock import Clock
from model.conditions import DATA_DIRECTORY_READ_ONLY
from model.process.descriptors import raise_descriptor_limit
from model.process.sd_notify import sd_notify
from model.process.worker_threads import WorkerThreads
from model.web_config.live import LiveWebConfig
from storage.api.accounts import AccountRecords
from web.application import create_app
from web.http.errors import BadRequestError
from web.identity.first_admin import FIRST_ADMIN, ensure_first_admin
from web.identity.push_admission import PUSH_ADMISSION
from web.settings import WebSettings
from web.status_pages.on_demand import STATUS_PAGES

log = structlog.get_logger(__name__)

_WRITABLE_AGAIN_S: Final = 5.0
"""How often the server looks whether a read-only data directory is writable again."""


@dataclass(frozen=True, slots=True)
class LocalExporter:
    """This machine's exporter, which `redshank up` runs beside the server.

    Attributes:
        host: the name of this machine in the fleet.
        listen: the address that the exporter listens on.
    """

    host: str
    listen: ListenAddress


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """What one process of the server is started with.

    Attributes:
        source: where the configuration is read from, at the start and at each reload.
        admin_password: password of the first administrator, None to generate one.
        exporter: this machine's exporter, None if the server runs alone.
        stand_in: what `directory` stands in for; None for the data directory itself.
    """

    source: ConfigurationSource
    directory: DataDirectory
    admin_password: str | None = None
    exporter: LocalExporter | None = None
    stand_in: StandIn | None = None


def run(plan: ServerPlan) -> None:
    """Run the server until SIGTERM or SIGINT.

    Raises:
        AlertingError, DaemonError, StorageError, WebError, OSError: it cannot start; the
            message says what to do.
    """
    configure_malloc()
    raise_descriptor_limit()
    tune_for_evaluations(evaluating=False)
    aiohttp.set_zlib_backend(isal_zlib)
    configuration = plan.source.read()
    log_settings = configuration.settings.log
    logs.configure(log_settings.level, log_settings.format)
    with standing_in(plan.directory) as stand_in:
        if stand_in is None:
            _run(plan, configuration)
            return
        with plan.directory.locked():
            own = replace(plan, directory=stand_in.directory, stand_in=stand_in)
            starts_again = _run(own, configuration)
            starts_again &= stand_in.give_back()
    if starts_again:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606


def _run(plan: ServerPlan, configuration: Configuration) -> bool:
    """Run the server in a data directory; return whether it should start again."""
    plan.directory.create()
    with plan.directory.locked():
        plan.directory.reserve_space()
        plan.directory.make_private()
        plan.directory.require_records()
        return uvloop.run(_serve(plan, configuration))


async def _serve(plan: ServerPlan, configuration: Configuration) -> bool:
    starts_again = False
    stop = _StopSignal()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(WorkerThreads(thread_name_prefix="asyncio"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.request)
    with stop.ends_start():
        starts_again = await _serve_until(stop, plan, configuration)
    log.info("server_stopped")
    return starts_again


async def _serve_until(stop: "_StopSignal", plan: ServerPlan, configuration: Configuration) -> bool:
    """Serve until a stop is requested; return whether the server should start again."""
    loop = asyncio.get_running_loop()
    async with running_server(plan, configuration) as server:
        stop.started()
        loop.add_signal_handler(signal.SIGHUP, server.request_reload)
        configure_garbage_collection()
        _announce(plan, server)
        sd_notify("READY=1")
        grpc = {} if server.otlp_grpc is None else {"otlp_grpc": str(server.otlp_grpc)}
        directory = str(plan.directory.path)
        log.info("server_started", url=server.url, **grpc, data_directory=directory)
        starts_again = await _until_end(stop, plan.stand_in)
        if not starts_again:
            sd_notify("STOPPING=1")
        log.info("server_stopping")
    return starts_again


async def _until_end(stop: "_StopSignal", stand_in: StandIn | None) -> bool:
    """Wait for a stop, or until a stand-in is over; return whether it is."""
    if stand_in is None:
        await stop.wait()
        return False
    while not await asyncio.to_thread(stand_in.is_over):
        with suppress(TimeoutError):
            async with asyncio.timeout(_WRITABLE_AGAIN_S):
                await stop.wait()
                return False
    return True


class _StopSignal:
    """The request to stop: it cancels a start, and ends a server that runs."""

    def __init__(self) -> None:
        self._requested = asyncio.Event()
        # The task of the start; None once the server runs.
        self._starting = asyncio.current_task()

    def request(self) -> None:
        """Stop; signal handlers call it."""
        if self._starting is not None and not self._requested.is_set():
            self._starting.cancel()
        self._requested.set()

    def started(self) -> None:
        """Record that the start has ended: from now on the server stops by itself."""
        self._starting = None

    async def wait(self) -> None:
        """Return once a stop is requested."""
        await self._requested.wait()

    @contextmanager
    def ends_start(self) -> Iterator[None]:
        """Let the block end early, without an error, if a stop cancels the start."""
        try:
            yield
        except asyncio.CancelledError:
            if self._starting is None or not self._requested.is_set():
                raise
            self._starting.uncancel()


def _announce(plan: ServerPlan, server: "RunningServer") -> None:
    """Print the URL and the first login to the terminal. The password is not shown again."""
    click.echo(f"\n  Redshank   {server.url}")
    if server.otlp_grpc is not None:
        click.echo(f"  OTLP/gRPC  {server.otlp_grpc}")
    if server.generated_password is not None:
        click.echo(f"  Login      {FIRST_ADMIN} / {server.generated_password}   (shown only now)")
    elif plan.admin_password is not None:
        origin = "the password that REDSHANK_ADMIN_PASSWORD held on the first start"
        click.echo(f"  Login      {FIRST_ADMIN}, with {origin}")
    click.echo()
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that accepts requests.

    Attributes:
        url: the URL at which this machine reaches it.
        generated_password: password of the first administrator, if this start created it.
        request_reload: requests a reload; returns at once.
        otlp_grpc: the address of OTLP over gRPC, None without it.
    """

    url: str
    generated_password: str | None
    request_reload: Callable[[], None]
    otlp_grpc: ListenAddress | None = None


@asynccontextmanager
async def running_server(
    plan: ServerPlan, configuration: Configuration
) -> AsyncIterator[RunningServer]:
    """Run every part until the block ends.

    Raises:
        StorageError: the data cannot be opened.
        ConfigurationError: the first administrator's password is too easy to guess.
        KeysError: the keys cannot be read or created.
        ServerListenError: the server cannot listen on its address.
    """
    settings, directory = configuration.settings, plan.directory
    async with AsyncExitStack() as stack:
        with collections_paused():
            stores = await stack.enter_async_context(
                opened_stores(directory, settings.storage, settings.events)
            )
        if plan.stand_in is not None:
            original = plan.stand_in.original.path
            stores.conditions.set(DATA_DIRECTORY_READ_ONLY, f"{original} at the start")
        password = await _first_password(plan, stores.records.accounts, stores.clock)
        parts = await stack.enter_async_context(
            constructed(stores, configuration, plan.source.read, directory)
        )
        http2 = settings.ingest.otlp_grpc_listen is not None
        web_config = await asyncio.to_thread(open_web_config, settings.web, http2=http2)
        web = settings.web if web_config is None else settings.web.behind(web_config.current.config)
        app = await asyncio.to_thread(create_app, services_of(parts, web_config), web)
        address, grpc = await stack.enter_async_context(
            _listening(app, parts, directory, web, web_config)
        )

        targets = parts.scraping.targets
        if settings.server.scrape_self:
            own = address.local_url.removeprefix("http://")
            # Its certificate is hardly for 127.0.0.1, and it may ask for ours or for a login.
            path = None if web_config is None else stack.enter_context(directory.socket_address())
            targets.add_self(own, path)
        if plan.exporter is not None:
            exporter_url = plan.exporter.listen.local_url
            targets.add_local_host(plan.exporter.host, exporter_url.removeprefix("http://"))
        tasks = await stack.enter_async_context(_background(plan, web_config))
        renewing = tasks.create_task(
            keep_renewed(lambda: parts.reloader.current.settings, directory)
        )
        stack.callback(renewing.cancel)
        upkeep = tasks.create_task(app[STATUS_PAGES].run())
        stack.callback(upkeep.cancel)
        await stack.enter_async_context(_running(parts, tasks))
        url = address.local_url
        if web_config is not None and web_config.serves_tls:
            url = url.replace("http://", "https://", 1)
        yield RunningServer(url, password, parts.reloader.request, grpc)


@asynccontextmanager
async def _listening(
    app: Application,
    parts: Parts,
    directory: DataDirectory,
    settings: WebSettings,
    web_config: LiveWebConfig | None,
) -> AsyncIterator[tuple[ListenAddress, ListenAddress | None]]:
    """Listen until the block ends; yield the addresses of HTTP and of OTLP over gRPC."""
    configured = parts.reloader.current.settings
    doors = Doors(
        settings,
        directory,
        parts.refusals,
        parts.stores.conditions,
        lambda: len(parts.scraping.scraper),
        web_config,
    )
    listen = ListenAddress.parse(configured.server.listen)
    async with (
        listening(app, listen, doors) as opened,
        otlp_grpc(
            configured.ingest.otlp_grpc_listen,
            parts.otlp,
            app[PUSH_ADMISSION],
            doors,
            opened.places,
        ) as grpc,
    ):
        yield opened.address, grpc


@asynccontextmanager
async def _running(parts: Parts, tasks: asyncio.TaskGroup) -> AsyncIterator[None]:
    """Run the periodic work of the parts until the block ends."""
    async with AsyncExitStack() as stack:
        stores = parts.stores
        clock_watch = ClockWatch(stores.clock, stores.samples.future, stores.conditions)
        memory_guard = MemoryGuard(
            parts.memory,
            stores.conditions,
            lambda: _give_back_memory(stores),
            trim_heap,
            lambda: parts.engine.busy,
        )
        expiry = ProjectExpiry(
            stores.records.projects,
            stores.events,
            stores.events.requests,
            stores.clock,
            stores.events.agent_sessions,
            parts.agent_sessions.settings.retention_days,
        )
        works = [parts.gateway.run(), clock_watch.run(), memory_guard.run(), expiry.run()]
        works.append(parts.management.backups.run())
        if parts.recorder is not None:
            works.append(parts.recorder.run())
        if parts.agent_sessions.puller.repositories:
            works.append(parts.agent_sessions.puller.run())
        for work in works:
            stack.callback(tasks.create_task(work).cancel)
        await stack.enter_async_context(parts.scraping.running())
        await parts.alerting.start(tasks)
        stack.push_async_callback(parts.alerting.stop)
        await stack.enter_async_context(parts.alertmanagers.running(tasks))
        await stack.enter_async_context(parts.reloader.running(tasks))
        yield


def _give_back_memory(stores: Stores) -> None:
    """Empty the caches and return free memory to the system; blocks."""
    stores.samples.release_caches()
    trim_malloc()


async def _first_password(plan: ServerPlan, accounts: AccountRecords, clock: Clock) -> str | None:
    try:
        return await ensure_first_admin(accounts, plan.admin_password, clock())
    except BadRequestError as exc:
        raise ConfigurationError(f"REDSHANK_ADMIN_PASSWORD: {exc.message}") from exc


@asynccontextmanager
async def _background(
    plan: ServerPlan, web_config: LiveWebConfig | None
) -> AsyncIterator[asyncio.TaskGroup]:
    """Run the exporter's process and the renewal of certificates until the block ends.

    Yields:
        Its task group, which the parts use for their own tasks.
    """
    async with asyncio.TaskGroup() as tasks:
        running: list[asyncio.Task[None]] = []
        if web_config is not None:
            running.append(tasks.create_task(follow(web_config)))
        if plan.exporter is not None:
            exporter = ExporterProcess(plan.exporter.listen)
            running.append(tasks.create_task(exporter.run()))
            # Otherwise the first scrape would fail and show the host as down.
            await exporter.wait_until_ready()
        try:
            yield tasks
        finally:
            for task in running:
                task.cancel()
