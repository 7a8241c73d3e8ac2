"""Reloading: files are read again, and what changed in them takes effect while all runs on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog

from daemon.configuration.configuration import Configuration
from daemon.configuration.settings import Settings
from daemon.errors import ConfigurationError
from model.clock import Clock
from model.durations import format_duration
from storage.api.errors import StorageError
from web.http.errors import ConfigurationRefusedError, UnavailableError, WebError
from web.services import ReloadState

log = structlog.get_logger(__name__)

_RELOADABLE = ("scrape", "log", "alerting")
"""Sections that take effect at once; the others are told to need a restart."""


class Reloader:
    """Holds the configuration that the server runs on, and exchanges it.

    Attributes:
        current: what counts now.
        state: how the last reload went.
    """

    def __init__(
        self,
        configuration: Configuration,
        read: Callable[[], Configuration],
        apply: Callable[[Configuration], Awaitable[None]],
        clock: Clock,
        data_directory: Path,
        signalled: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Take over what runs already.

        Args:
            configuration: what counts now.
            read: returns what is to count, or raises `ConfigurationError`; blocks.
            apply: makes it count.
            clock: the current time.
            data_directory: for `flags`.
            signalled: told after a reload that a signal asked for.
        """
        self.current = configuration
        self.state = ReloadState(successful=True, success_ms=clock())
        self._read, self._apply, self._clock = read, apply, clock
        self._data_directory, self._signalled = data_directory, signalled
        self._started = configuration.settings
        self._is_open = False
        self._one_at_a_time = asyncio.Lock()
        self._requested = asyncio.Event()
        self._told: set[str] = set()
        self.tell_warnings()

    @property
    def text(self) -> str:
        """The configuration in Prometheus's form, without secrets."""
        return self.current.text

    @property
    def flags(self) -> Mapping[str, str]:
        """What Prometheus has flags for, under its names."""
        settings = self._started
        return {
            "config.file": str(next(iter(self.current.files), "")),
            "log.level": self.current.settings.log.level,
            "query.lookback-delta": format_duration(settings.query.lookback_ms),
            "query.max-concurrency": str(settings.query.threads),
            "query.max-samples": str(settings.query.max_samples),
            "query.timeout": format_duration(round(settings.web.query_timeout_s * 1000)),
            "storage.tsdb.path": str(self._data_directory),
            "storage.tsdb.retention.size": f"{settings.storage.retention_bytes}B",
            "storage.tsdb.retention.time": self.retention,
            "web.listen-address": settings.server.listen,
        }

    @property
    def retention(self) -> str:
        """How long samples are kept, as a duration."""
        return format_duration(self._started.storage.retention_age_ms)

    @asynccontextmanager
    async def running(self, tasks: asyncio.TaskGroup) -> AsyncIterator[None]:
        """Take reloads for as long as the block lasts: all parts must be up."""
        serving = tasks.create_task(self._serve())
        self._is_open = True
        try:
            yield
        finally:
            serving.cancel()
            async with self._one_at_a_time:
                self._is_open = False

    def request(self) -> None:
        """Reload soon; for signal handlers."""
        self._requested.set()

    async def _serve(self) -> None:
        """Reload on each request; what is wrong is only logged."""
        while True:
            await self._requested.wait()
            self._requested.clear()
            try:
                await self.reload()
                if self._signalled is not None:
                    await self._signalled()
            except (WebError, StorageError):
                continue  # logged already
            except Exception:
                # A mistake of ours: the server goes on with what it has.
                log.exception("reload_crashed")

    async def reload(self) -> tuple[str, ...]:
        """Read everything again and let it take effect.

        Returns:
            The settings that changed and need a restart.

        Raises:
            ConfigurationRefusedError: something is wrong; nothing has changed.
            UnavailableError: the server is starting or stopping.
        """
        async with self._one_at_a_time:
            if not self._is_open:
                raise UnavailableError("the server is starting or stopping")
            try:
                new = await asyncio.to_thread(self._read)
            except ConfigurationError as exc:
                self._failed(str(exc))
                raise ConfigurationRefusedError(str(exc)) from exc
            try:
                await self._apply(new)
            except Exception as exc:
                self._failed(str(exc))
                raise
            waiting = restart_needed(self._started, new.settings)
            self.current = new
            self.state = ReloadState(successful=True, success_ms=self._clock())
            log.info("configuration_reloaded", files=[str(file) for file in new.files])
            if waiting:
                log.warning("restart_needed", settings=waiting)
            self.tell_warnings()
            return waiting

    def _failed(self, error: str) -> None:
        self.state = ReloadState(successful=False, success_ms=self.state.success_ms)
        log.error("configuration_refused", error=error)

    def tell_warnings(self) -> None:
        """Log what is asked for in vain, each thing once."""
        for warning in self.current.warnings:
            if warning not in self._told:
                self._told.add(warning)
                log.warning("configuration_without_effect", detail=warning)


def restart_needed(old: Settings, new: Settings) -> tuple[str, ...]:
    """Return the keys that differ and take effect with the next start only."""
    before, after = (one.model_dump(exclude={*_RELOADABLE}, by_alias=True) for one in (old, new))
    return tuple(_differences(before, after, ""))


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str) -> list[str]:
    found = []
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(old[key], dict):
            found += _differences(old[key], value, f"{prefix}{key}.")
        elif value != old[key]:
            found.append(f"{prefix}{key}")
    return found
