import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from exporter.command import exporter
from exporter.pushing.push_queue import PushQueue, QueuedPush
from exporter.pushing.pusher import Pusher
from tests.exporter.command_runner import ended
from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from exporter.settings import ExporterSettings


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    logger = logging.getLogger("exporter")
    handlers, level, propagate = list(logger.handlers), logger.level, logger.propagate
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)
    logger.propagate = propagate


@contextmanager
def running(*arguments: str, **environ: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "exporter", "--listen", "127.0.0.1:0", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_help_names_every_option_and_imports_nothing_heavy() -> None:
    result = ended(exporter, "--help")
    assert result.status == 0
    assert "--textfile-directory" in result.output
    script = "import sys, exporter.command; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    heavy = {"click", "prometheus_client", "psutil", "structlog", "http.server", "numpy"}
    assert heavy & set(shown.stdout.split()) == set()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--listen", "nonsense"], "cannot listen on 'nonsense'"),
        (["--listen", "192.0.2.1:0"], "cannot listen on '192.0.2.1:0'"),
        (["--disable-collector", "nonsense"], "unknown or disabled collector: nonsense"),
        (["--collector.perf"], "unknown or disabled collector: perf"),
        (["--collector.wifi.fixtures=x"], "--collector.wifi.fixtures is not supported"),
        (["--collector.ntp.server=x"], "--collector.ntp.server is not supported: node_exporter"),
        (["--no-collector.netdev.enable-detailed-metrics"], "is not supported: it gives"),
        (["--collector.perf"], "hardware counters need CAP_PERFMON"),
        (["--push", "monitor"], "'monitor' is not an address such as"),
        (["--push", "http://monitor"], "the key is missing"),
        (["--push-config", "/nonexistent.json"], "/nonexistent.json: "),
        (["--push-queue-size", "0"], "'0' is not a number from 1"),
        (["--web.systemd-socket"], "cannot listen on 'systemd': it passes no socket"),
        (["--web.listen-address=vsock://:9100"], "cannot listen on 'vsock://:9100'"),
        (["--collector.ipvs.backend-labels=port"], "--collector.ipvs.backend-labels: 'port'"),
        (
            ["--collector.arp.device-include=a", "--collector.arp.device-exclude=b"],
            "--collector.arp.device-exclude: it excludes --collector.arp.device-include",
        ),
        (["--collector.diskstats.device-exclude", "[a"], "not a regular expression: '[a'"),
        (["--collector-timeout", "0"], "--collector-timeout"),
    ],
)
def test_invalid_option_is_reported(arguments: list[str], message: str) -> None:
    result = ended(exporter, *arguments)
    assert result.status != 0
    assert message in result.output


def test_command_line_of_node_exporter_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[ExporterSettings] = []
    monkeypatch.setattr("exporter.command._serve", lambda settings, *_: served.append(settings))
    arguments = (
        "--collector.softirqs --no-collector.cpu --collector.arp=false --collector.swap=true"
        " --collector.disable-defaults --web.max-requests=5 --collector.textfile.directory=/a"
        " --collector.textfile.directory /b --web.listen-address=:9200 --path.procfs=/host/proc"
    )
    result = ended(exporter, *arguments.split())
    assert result.status == 0, result.output
    (settings,) = served
    assert settings.enabled == {"softirqs", "swap"}
    assert settings.disabled == {"cpu", "arp"}
    assert (settings.defaults, settings.max_requests) == (False, 5)
    assert settings.textfile_directories == ("/a", "/b")
    assert (settings.listen, settings.roots.proc) == (":9200", "/host/proc")


def test_options_of_single_collectors_reach_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[ExporterSettings] = []
    monkeypatch.setattr("exporter.command._serve", lambda settings, *_: served.append(settings))
    arguments = (
        "--collector.arp.device-include=^eth --no-collector.cpu.guest --collector.cpu.info=true"
        " --collector.netdev.address-info=false --collector.sysctl.include=a --no-collector.ntp"
        " --collector.sysctl.include=b --web.listen-address=:1 --web.listen-address=:2"
        " --web.telemetry-path=/m --web.disable-exporter-metrics --log.format=json"
    )
    result = ended(exporter, *arguments.split())
    assert result.status == 0, result.output
    (settings,) = served
    options = settings.options
    assert options.filter("arp.device").accepts("eth0")
    assert not options.filter("arp.device").accepts("wlan0")
    assert (options.is_set("cpu.guest"), options.is_set("cpu.info")) == (False, True)
    assert not options.is_set("netdev.address-info")
    assert options.texts("sysctl.include") == ("a", "b")
    assert (settings.listen, settings.also_listen) == (":1", (":2",))
    assert (settings.telemetry_path, settings.own_metrics) == ("/m", False)
    assert settings.disabled == frozenset()


def test_size_of_the_push_queue_is_an_option(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    queues: list[PushQueue] = []

    class RecordedQueue(PushQueue):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            queues.append(self)

    monkeypatch.setattr("exporter.pushing.push_queue.PushQueue", RecordedQueue)
    monkeypatch.setattr(Pusher, "run", lambda *_: None)
    arguments = ["--push", "http://monitor", "--key", "k"]
    for size, kept in (("1", 1), ("2", 2)):
        arguments += ["--push-queue", str(tmp_path / size), "--push-queue-size", size]
        assert ended(exporter, *arguments).status == 0
        for content in (b"a", b"b"):
            queues[-1].add(QueuedPush(content * 600 * 1024, {}))
        assert len(queues[-1]) == kept


@pytest.mark.parametrize("attempt", range(3))
def test_burst_of_signals_stops_it_like_one_signal(attempt: int) -> None:
    # A parent with several threads sends several signals when it dies.
    with running() as process:
        assert process.stderr is not None
        assert "exporter_listening" in process.stderr.readline()
        for _ in range(1000):
            process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_it_with_status_0(number: signal.Signals) -> None:
    with running("--log-format", "json") as process:
        assert process.stderr is not None
        assert json.loads(process.stderr.readline())["event"] == "exporter_listening"
        process.send_signal(number)
        assert process.wait(20) == 0
        assert json.loads(process.stderr.readline())["event"] == "exporter_stopped"


def test_service_manager_is_notified_of_start_life_and_end(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(PATIENCE_S)
        with running(NOTIFY_SOCKET=path, WATCHDOG_USEC="20000") as process:
            assert manager.recv(100) == b"READY=1"
            assert manager.recv(100) == b"WATCHDOG=1"
            process.terminate()
            while (message := manager.recv(100)) == b"WATCHDOG=1":
                pass
            assert message == b"STOPPING=1"
            assert process.wait(20) == 0
