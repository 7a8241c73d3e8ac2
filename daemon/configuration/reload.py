"""Reloads the configuration while the server runs."""

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

_RELOADABLE = ("scrape", "log", "alerting", "backups")
"""Sections that take effect at once; changes in others are reported to need a restart."""


class Reloader:
    """Holds the current configuration and replaces it.

    Attributes:
        current: the current configuration.
        state: result and time of the last reload.
    """

    def __init__(
        self,
        configuration: Configuration,
        read: Callable[[], Configuration],
        apply: Callable[[Configuration], Awaitable[None]],
        clock: Clock,
        data_directory: Path,
        on_signal: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Start with a configuration that is applied already.

        Args:
            configuration: the current configuration.
            read: returns the new configuration, or raises `ConfigurationError`; blocks.
            apply: applies a new configuration.
            clock: the current time.
            data_directory: reported in `flags`.
            on_signal: called after each successful reload that `request` caused.
        """
        self.current = configuration
        self.state = ReloadState(successful=True, success_ms=clock())
        self._read, self._apply, self._clock = read, apply, clock
        self._data_directory, self._on_signal = data_directory, on_signal
        self._started = configuration.settings
        self._is_open = False
        self._lock = asyncio.Lock()
        self._requested = asyncio.Event()
        self._logged_warnings: set[str] = set()
        self.log_warnings()

    @property
    def text(self) -> str:
        """The configuration in the form of a Prometheus file, without secrets."""
        return self.current.text

    @property
    def flags(self) -> Mapping[str, str]:
        """Settings under the names of Prometheus's flags."""
        settings = self._started
        return {
            "config.file": str(next(iter(self.current.files), "")),
            "ingest.otlp-grpc-listen": settings.ingest.otlp_grpc_listen or "",
            "log.level": self.current.settings.log.level,
            "query.lookback-delta": format_duration(settings.query.lookback_ms),
            "query.max-concurrency": str(settings.query.threads),
            "query.max-samples": str(settings.query.max_samples),
            "query.timeout": format_duration(round(settings.web.query_timeout_s * 1000)),
            "storage.tsdb.path": str(self._data_directory),
            "storage.tsdb.retention.size": f"{settings.storage.retention_bytes}B",
            "storage.tsdb.retention.time": self.retention,
            "web.enable-admin-api": str(settings.web.enable_admin_api).lower(),
            "web.listen-address": settings.server.listen,
        }

    @property
    def retention(self) -> str:
        """How long samples are kept, as a duration."""
        return format_duration(self._started.storage.retention_age_ms)

    @asynccontextmanager
    async def running(self, tasks: asyncio.TaskGroup) -> AsyncIterator[None]:
        """Accept reloads until the block ends; all parts must be running."""
        serving = tasks.create_task(self._serve())
        self._is_open = True
        try:
            yield
        finally:
            serving.cancel()
            async with self._lock:
                self._is_open = False

    def request(self) -> None:
        """Request a reload and return at once; signal handlers may call it."""
        self._requested.set()

    async def _serve(self) -> None:
        """Reload at each request; log failures."""
        while True:
            await self._requested.wait()
            self._requested.clear()
            try:
                await self.reload()
                if self._on_signal is not None:
                    await self._on_signal()
            except (WebError, StorageError):
                continue  # `reload` has logged it.
            except Exception:
                # A defect of ours: the server keeps its configuration.
                log.exception("reload_crashed")

    async def reload(self) -> tuple[str, ...]:
        """Read the configuration again and apply it.

        Returns:
            The changed settings that need a restart to take effect.

        Raises:
            ConfigurationRefusedError: the configuration is invalid; the old one stays.
            UnavailableError: the server is starting or stopping.
        """
        async with self._lock:
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
            pending = restart_needed(self._started, new.settings)
            self.current = new
            self.state = ReloadState(successful=True, success_ms=self._clock())
            log.info("configuration_reloaded", files=[str(file) for file in new.files])
            if pending:
                log.warning("restart_needed", settings=pending)
            self.log_warnings()
            return pending

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[Configuration]:
        """Hold off reloads while something beside the configuration changes; yield the running one.

        Raises:
            UnavailableError: the server is starting or stopping.
        """
        async with self._lock:
            if not self._is_open:
                raise UnavailableError("the server is starting or stopping")
            yield self.current

    async def apply_again(self) -> None:
        """Apply the running configuration once more, after something beside it has changed."""
        async with self._lock:
            await self._apply(self.current)

    def _failed(self, error: str) -> None:
        self.state = ReloadState(
            successful=False, success_ms=self.state.success_ms, failure_ms=self._clock()
        )
        log.error("configuration_refused", error=error)

    def log_warnings(self) -> None:
        """Log each warning of the configuration once."""
        for warning in self.current.warnings:
            if warning not in self._logged_warnings:
                self._logged_warnings.add(warning)
                log.warning("configuration_without_effect", detail=warning)


def restart_needed(old: Settings, new: Settings) -> tuple[str, ...]:
    """Return the keys that differ and take effect at the next start only."""
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
