import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.pushing.delivery import QueueDelivery
from exporter.pushing.push_queue import PushQueue, QueuedPush
from exporter.pushing.push_settings import REPORT_PATH, PushServer
from exporter.pushing.pusher import Pusher
from tests.patience import PATIENCE_S


@pytest.fixture
def notifications(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What systemd receives, whose watchdog expects a message every 0.1 s."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "100000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        yield channel


class Stop:
    """Stops as soon as its event is set."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def wait(self, timeout_s: float | None, /) -> bool:
        return self.event.wait(timeout_s)


def test_watchdog_is_notified_between_pushes_that_are_an_hour_apart(
    notifications: socket.socket, tmp_path: Path
) -> None:
    queue = PushQueue(tmp_path / "queue")
    delivery = QueueDelivery(PushServer.of("http://127.0.0.1:9", "key", REPORT_PATH))
    stop = Stop()
    pusher = Pusher(lambda: QueuedPush(b"x 1\n", {}), queue, delivery, 3600)
    running = threading.Thread(target=pusher.run, args=(stop,))
    begun_s = time.monotonic()
    running.start()
    try:
        received = [notifications.recv(64) for _ in range(5)]
    finally:
        stop.event.set()
        running.join()
    assert received == [b"READY=1", *[b"WATCHDOG=1"] * 4]
    assert time.monotonic() - begun_s < 3600
    assert notifications.recv(64) in (b"WATCHDOG=1", b"STOPPING=1")
