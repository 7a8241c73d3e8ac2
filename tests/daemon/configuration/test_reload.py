import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from daemon.configuration.configuration import Configuration
from daemon.configuration.reload import Reloader, restart_needed
from daemon.configuration.settings import Settings, settings_of
from daemon.errors import ConfigurationError
from daemon.server.metrics import ConfigurationCollector
from model.documents import parse_document
from storage.api.errors import StorageError
from tests.patience import PATIENCE_S
from web.http.errors import ConfigurationRefusedError, UnavailableError


def settings(text: str = "") -> Settings:
    return settings_of(parse_document(text, "redshank.yml"))


class ReloaderHarness:
    def __init__(self, *found: Configuration | ConfigurationError) -> None:
        self.now_ms = 1_000
        self.applied: list[Configuration] = []
        self.failure: Exception | None = None
        self.done = asyncio.Event()
        first, *self.found = found
        assert isinstance(first, Configuration)
        self.reloader = Reloader(first, self.read, self.apply, lambda: self.now_ms, Path("data"))

    async def reload(self) -> tuple[str, ...]:
        async with asyncio.TaskGroup() as tasks, self.reloader.running(tasks):
            reloading = asyncio.ensure_future(self.reloader.reload())
            # Wait without raising: an exception of the reload must not cancel the task group.
            await asyncio.wait([reloading])
        return await reloading

    def read(self) -> Configuration:
        found = self.found.pop(0)
        if isinstance(found, ConfigurationError):
            raise found
        return found

    async def apply(self, new: Configuration) -> None:
        if self.failure is not None:
            failure, self.failure = self.failure, None
            self.done.set()
            raise failure
        self.applied.append(new)
        self.done.set()

    def metric(self, name: str) -> float | None:
        registry = CollectorRegistry()
        registry.register(ConfigurationCollector(lambda: self.reloader.state))
        return registry.get_sample_value(f"redshank_config_last_reload_{name}")


FIRST = Configuration(settings(), text="first")


async def test_valid_configuration_takes_effect() -> None:
    second = Configuration(settings("server: {listen: ':1'}"), text="second")
    harness = ReloaderHarness(FIRST, second)
    harness.now_ms = 5_000
    assert await harness.reload() == ("server.listen",)
    assert harness.applied == [second]
    assert harness.reloader.text == "second"
    # Flags have the values in effect, not those that need a restart.
    assert harness.reloader.flags["web.listen-address"] == "127.0.0.1:9190"
    assert harness.metric("successful") == 1
    assert harness.metric("success_timestamp_seconds") == 5


async def test_invalid_configuration_is_rejected() -> None:
    harness = ReloaderHarness(FIRST, ConfigurationError("p.yml:3: bad"), FIRST)
    harness.now_ms = 5_000
    with capture_logs() as logs, pytest.raises(ConfigurationRefusedError, match=r"p\.yml:3: bad"):
        await harness.reload()
    assert [(entry["event"], entry["error"]) for entry in logs] == [
        ("configuration_refused", "p.yml:3: bad")
    ]
    assert (harness.applied, harness.reloader.text) == ([], "first")
    assert harness.metric("successful") == 0
    assert harness.metric("success_timestamp_seconds") == 1
    await harness.reload()
    assert harness.metric("successful") == 1


async def test_configuration_that_cannot_be_applied_is_a_failed_reload() -> None:
    harness = ReloaderHarness(FIRST, replace(FIRST, text="second"))
    harness.failure = StorageError("disk full")
    with pytest.raises(StorageError):
        await harness.reload()
    assert (harness.reloader.text, harness.metric("successful")) == ("first", 0)


async def test_each_warning_is_logged_once() -> None:
    def warned(*warnings: str) -> Configuration:
        return replace(FIRST, warnings=warnings)

    with capture_logs() as logs:
        harness = ReloaderHarness(warned("a"), warned("a", "b"), warned("a", "b"))
        await harness.reload()
        await harness.reload()
    warnings = [entry["detail"] for entry in logs if "detail" in entry]
    assert warnings == ["a", "b"]


async def test_request_is_served_after_a_failed_one() -> None:
    harness = ReloaderHarness(FIRST, FIRST, FIRST)
    harness.failure = ZeroDivisionError("a defect")
    with capture_logs() as logs:
        async with (
            asyncio.timeout(PATIENCE_S),
            asyncio.TaskGroup() as tasks,
            harness.reloader.running(tasks),
        ):
            for _ in range(2):
                harness.done.clear()
                harness.reloader.request()
                await harness.done.wait()
    assert harness.applied == [FIRST]
    assert "reload_crashed" in {entry["event"] for entry in logs}


async def test_reload_is_refused_while_the_server_starts_or_stops() -> None:
    harness = ReloaderHarness(FIRST, FIRST, FIRST)
    with pytest.raises(UnavailableError):
        await harness.reloader.reload()
    await harness.reload()
    with pytest.raises(UnavailableError):
        await harness.reloader.reload()


async def test_change_beside_the_configuration_holds_off_reloads() -> None:
    second = replace(FIRST, text="second")
    harness = ReloaderHarness(FIRST, second)
    with pytest.raises(UnavailableError):
        async with harness.reloader.changing():
            pass
    async with (
        asyncio.timeout(PATIENCE_S),
        asyncio.TaskGroup() as tasks,
        harness.reloader.running(tasks),
    ):
        async with harness.reloader.changing() as running:
            reloading = tasks.create_task(harness.reloader.reload())
            await asyncio.sleep(0)
            assert (running.text, harness.applied) == ("first", [])
        await reloading
        assert harness.applied == [second]


def test_settings_that_take_effect_at_once_need_no_restart() -> None:
    text = "scrape: {interval: 60s}\nlog: {level: debug}\nalerting: {evaluation_interval: 5s}"
    assert restart_needed(settings(), settings(text)) == ()
    text = "web: {live_interval_s: 9}\nstorage: {window: 1d}"
    assert restart_needed(settings(), settings(text)) == ("storage.window", "web.live_interval_s")


async def test_on_signal_is_called_after_a_successful_requested_reload() -> None:
    second = Configuration(settings(), text="second")
    harness, called = ReloaderHarness(FIRST), asyncio.Event()

    async def on_signal() -> None:
        assert harness.applied == [second]
        called.set()

    reloader = Reloader(FIRST, lambda: second, harness.apply, lambda: 0, Path("data"), on_signal)
    async with asyncio.TaskGroup() as tasks, reloader.running(tasks), asyncio.timeout(PATIENCE_S):
        await reloader.reload()
        assert not called.is_set()
        harness.applied.clear()
        reloader.request()
        await called.wait()
