import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from exporter.pushing.delivery import PushOutcome, QueueDelivery
from exporter.pushing.push_queue import PushQueue, QueuedPush
from exporter.pushing.push_settings import PushServer
from exporter.pushing.pusher import Pusher
from model.clock import system_clock
from tests.exporter.captured_logs import capture_logs
from tests.patience import PATIENCE_S
from tests.ports import free_port

KEY = "a-host-key-of-some-length"


@dataclass
class ScriptedServer:
    """Answers with the statuses of a script, then with 200; keeps the bodies that it took."""

    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def running(self, port: int = 0) -> Iterator[str]:
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = script.statuses.pop(0) if script.statuses else 200
                script.keys.add(self.headers["Authorization"])
                if status == 200:
                    with script.arrived:
                        script.taken.append(body.decode())
                        script.arrived.notify_all()
                self.send_response(status)
                for name, value in script.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/report"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def wait_for(self, count: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.taken) >= count, PATIENCE_S)


def queue_of(directory: Path, count: int) -> PushQueue:
    queue = PushQueue(directory)
    for number in range(count):
        queue.add(QueuedPush(str(number).encode(), {"Content-Type": "text/plain"}))
    return queue


@pytest.mark.parametrize("status", [401, 403, 404, 408, 425, 429, 500, 502, 503])
def test_push_that_the_server_does_not_take_now_stays_first(tmp_path: Path, status: int) -> None:
    server = ScriptedServer([200, status])
    queue = queue_of(tmp_path, 4)
    with server.running() as url, capture_logs() as logs:
        delivery = QueueDelivery(PushServer(url, KEY))
        assert delivery.drain(queue) > 0
        assert (server.taken, len(queue)) == (["0"], 3)
        assert delivery.drain(queue) == 0
    assert server.taken == ["0", "1", "2", "3"]
    assert server.keys == {f"Bearer {KEY}"}
    assert [one["event"] for one in logs] == ["push_failed", "push_resumed"]


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422])
def test_push_that_the_server_refuses_for_good_does_not_hold_up_the_others(
    tmp_path: Path, status: int
) -> None:
    server = ScriptedServer([200, status])
    queue = queue_of(tmp_path, 4)
    with server.running() as url, capture_logs() as logs:
        assert QueueDelivery(PushServer(url, KEY)).drain(queue) == 0
    assert server.taken == ["0", "2", "3"]
    (refused,) = logs
    assert (refused["event"], refused["reason"]) == ("push_refused", f"status {status}")
    assert KEY not in str(logs)


def test_pause_grows_to_a_minute_and_the_servers_own_wish_counts(tmp_path: Path) -> None:
    server = ScriptedServer([503] * 12, {"Retry-After": "0"})
    queue = queue_of(tmp_path, 1)
    with server.running() as url:
        delivery = QueueDelivery(PushServer(url, KEY))
        pauses = [delivery.drain(queue) for _ in range(10)]
        server.headers["Retry-After"] = "120"
        assert delivery.drain(queue) == 120
        server.headers["Retry-After"] = "soon"
        assert delivery.drain(queue) <= 60
    assert 0.5 <= pauses[0] <= 1
    assert 30 <= pauses[-1] <= 60


def test_server_that_is_gone_redirects_or_answers_nonsense_gets_the_push_later() -> None:
    push = QueuedPush(b"x", {})
    delivery = QueueDelivery(PushServer(f"http://127.0.0.1:{free_port()}/report", KEY, 5))
    assert delivery.send(push).outcome is PushOutcome.LATER
    server = ScriptedServer([302], {"Location": "http://192.0.2.1/"})
    with server.running() as url:
        answer = QueueDelivery(PushServer(url, KEY)).send(push)
    assert (answer.outcome, answer.reason) == (PushOutcome.LATER, "status 302")


def test_clock_that_differs_from_the_servers_is_logged_once(tmp_path: Path) -> None:
    server = ScriptedServer()
    queue = queue_of(tmp_path, 3)
    with server.running() as url, capture_logs() as logs:
        QueueDelivery(PushServer(url, KEY), lambda: system_clock() + 3_600_000).drain(queue)
    (line,) = logs
    assert line["event"] == "push_clock_differs"
    assert 3500 < float(line["ahead_s"]) < 3700


@pytest.mark.slow
def test_vectors_of_an_hour_without_the_server_arrive_in_order_once_it_is_back(
    tmp_path: Path,
) -> None:
    count, port = 240, free_port()
    numbers = iter(range(10**6))
    url = f"http://127.0.0.1:{port}/report"

    class StopAfter:
        def __init__(self, count: int) -> None:
            self.left = count

        def wait(self, timeout_s: float | None, /) -> bool:
            self.left -= 1
            return self.left <= 0

    def vector() -> QueuedPush:
        return QueuedPush(str(next(numbers)).encode(), {})

    # Two runs without a server: the first one ends as if it was killed.
    for _ in range(2):
        queue = PushQueue(tmp_path)
        Pusher(vector, queue, QueueDelivery(PushServer(url, KEY)), 15).run(StopAfter(count // 2))
    server = ScriptedServer([503, 200, 429, 200, 500])
    with server.running(port):
        delivery = QueueDelivery(PushServer(url, KEY))
        queue = PushQueue(tmp_path)
        for _ in range(10):
            delivery.drain(queue)
        server.wait_for(count)
    assert server.taken == [str(number) for number in range(count)]
