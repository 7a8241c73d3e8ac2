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
from web.http.errors import ConfigurationRefusedError, UnavailableError


def settings(text: str = "") -> Settings:
    return settings_of(parse_document(text, "redshank.yml"))


class Bench:
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
            # What it raises is for the test, not for the group.
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


async def test_good_configuration_takes_effect() -> None:
    second = Configuration(settings("server: {listen: ':1'}"), text="second")
    bench = Bench(FIRST, second)
    bench.now_ms = 5_000
    assert await bench.reload() == ("server.listen",)
    assert bench.applied == [second]
    assert bench.reloader.text == "second"
    # What is in effect, not what waits for a restart.
    assert bench.reloader.flags["web.listen-address"] == "127.0.0.1:9190"
    assert bench.metric("successful") == 1
    assert bench.metric("success_timestamp_seconds") == 5


async def test_bad_configuration_changes_nothing() -> None:
    bench = Bench(FIRST, ConfigurationError("p.yml:3: bad"), FIRST)
    bench.now_ms = 5_000
    with capture_logs() as logs, pytest.raises(ConfigurationRefusedError, match=r"p\.yml:3: bad"):
        await bench.reload()
    assert [(entry["event"], entry["error"]) for entry in logs] == [
        ("configuration_refused", "p.yml:3: bad")
    ]
    assert (bench.applied, bench.reloader.text) == ([], "first")
    assert bench.metric("successful") == 0
    assert bench.metric("success_timestamp_seconds") == 1
    await bench.reload()
    assert bench.metric("successful") == 1


async def test_what_cannot_be_applied_is_a_failed_reload() -> None:
    bench = Bench(FIRST, replace(FIRST, text="second"))
    bench.failure = StorageError("disk full")
    with pytest.raises(StorageError):
        await bench.reload()
    assert (bench.reloader.text, bench.metric("successful")) == ("first", 0)


async def test_each_warning_is_logged_once() -> None:
    def warned(*warnings: str) -> Configuration:
        return replace(FIRST, warnings=warnings)

    with capture_logs() as logs:
        bench = Bench(warned("a"), warned("a", "b"), warned("a", "b"))
        await bench.reload()
        await bench.reload()
    told = [entry["detail"] for entry in logs if "detail" in entry]
    assert told == ["a", "b"]


async def test_requests_are_served_whatever_came_of_the_last() -> None:
    bench = Bench(FIRST, FIRST, FIRST)
    bench.failure = ZeroDivisionError("a mistake of ours")
    with capture_logs() as logs:
        async with (
            asyncio.timeout(30),
            asyncio.TaskGroup() as tasks,
            bench.reloader.running(tasks),
        ):
            for _ in range(2):
                bench.done.clear()
                bench.reloader.request()
                await bench.done.wait()
    assert bench.applied == [FIRST]
    assert "reload_crashed" in {entry["event"] for entry in logs}


async def test_while_the_server_starts_or_stops_there_is_no_reload() -> None:
    bench = Bench(FIRST, FIRST, FIRST)
    with pytest.raises(UnavailableError):
        await bench.reloader.reload()
    await bench.reload()
    with pytest.raises(UnavailableError):
        await bench.reloader.reload()


def test_settings_that_take_effect_at_once_need_no_restart() -> None:
    text = "scrape: {interval: 60s}\nlog: {level: debug}\nalerting: {evaluation_interval: 5s}"
    assert restart_needed(settings(), settings(text)) == ()
    text = "web: {live_interval_s: 9}\nstorage: {window: 1d}"
    assert restart_needed(settings(), settings(text)) == ("storage.window", "web.live_interval_s")


async def test_reload_that_a_signal_asked_for_is_told_once_it_is_good() -> None:
    second = Configuration(settings(), text="second")
    bench, told = Bench(FIRST), asyncio.Event()

    async def signalled() -> None:
        assert bench.applied == [second]
        told.set()

    reloader = Reloader(FIRST, lambda: second, bench.apply, lambda: 0, Path("data"), signalled)
    async with asyncio.TaskGroup() as tasks, reloader.running(tasks), asyncio.timeout(30):
        await reloader.reload()
        assert not told.is_set()
        bench.applied.clear()
        reloader.request()
        await told.wait()
