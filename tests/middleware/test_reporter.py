"""The queue and its thread: nothing is sent twice, nothing blocks, losses are counted."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from redshank_middleware import RequestReporter
from redshank_middleware.observed_request import ObservedRequest
from tests.middleware.collector import PATIENCE_S, Collector
from tests.middleware.conftest import KEY
from tests.ports import free_port

ROOT = Path(__file__).parents[2]


def observed(path: str = "/a", status: int = 200) -> ObservedRequest:
    return ObservedRequest(
        1_764_000_000.5, "GET", path, "", None, status, 1_250_000, 0, 12, "", "127.0.0.1"
    )


def test_a_request_arrives_with_all_that_is_known(
    reporter: RequestReporter, arrived: Collector
) -> None:
    one = observed("/users/7")._replace(route="/users/<int:id>", consumer="web")
    reporter.record(one)
    assert arrived.wait_for(1) == [
        {
            "timestamp": 1_764_000_000_500,
            "method": "GET",
            "path": "/users/7",
            "route": "/users/{id}",
            "status_code": 200,
            "response_time_ms": 1.25,
            "request_size": 0,
            "response_size": 12,
            "consumer": "web",
            "ip_address": "127.0.0.1",
            "version": "1.4",
        }
    ]
    assert arrived.headers[0]["X-API-Key"] == KEY


def test_many_requests_of_many_threads_arrive_once_each_in_batches(arrived: Collector) -> None:
    reporter = RequestReporter(arrived.url, KEY, batch_size=100, queue_size=10_000)

    def record(worker: int) -> None:
        for number in range(250):
            reporter.record(observed(f"/{worker}/{number}"))

    threads = [threading.Thread(target=record, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reporter.flush(PATIENCE_S)
    paths = [one["path"] for one in arrived.requests]
    assert sorted(paths) == sorted(f"/{w}/{n}" for w in range(4) for n in range(250))
    assert max(len(body["requests"]) for body in arrived.bodies) <= 100
    assert reporter.counts.reported == 1000
    reporter.close()


def test_a_full_queue_drops_and_counts_while_the_server_is_away() -> None:
    reporter = RequestReporter(
        f"http://127.0.0.1:{free_port()}", KEY, batch_size=10, queue_size=20, flush_interval_s=0.01
    )
    for number in range(1000):
        reporter.record(observed(f"/{number}"))
    counts = reporter.counts
    assert counts.dropped + counts.waiting == 1000
    assert counts.waiting <= 30
    reporter.close(0)
    # What could not be sent is counted too.
    assert reporter.counts.dropped + reporter.counts.waiting == 1000


@pytest.mark.parametrize("status", [500, 503, 429, 401, 0])
def test_a_batch_is_sent_again_with_its_id_after_the_server_was_away(
    arrived: Collector, status: int
) -> None:
    arrived.answers = [(status, {}), (status, {})]
    reporter = RequestReporter(arrived.url, KEY, flush_interval_s=0.01, longest_backoff_s=0.01)
    reporter.record(observed())
    arrived.wait_for(1)
    assert reporter.flush(PATIENCE_S)
    assert arrived.attempts == 3
    assert reporter.counts.reported == 1
    reporter.close()


def test_batches_have_ids_of_their_own(reporter: RequestReporter, arrived: Collector) -> None:
    # The server stores a batch once, also if its answer was lost.
    for number in (1, 2):
        reporter.record(observed())
        arrived.wait_for(number)
    assert len({body["batch_id"] for body in arrived.bodies}) == 2


def test_a_refused_batch_is_not_sent_again(reporter: RequestReporter, arrived: Collector) -> None:
    arrived.answers = [(400, {})]
    reporter.record(observed())
    arrived.wait_for_attempts(1)
    assert reporter.flush(PATIENCE_S)
    assert (reporter.counts.refused, reporter.counts.reported) == (1, 0)


def test_refused_requests_of_a_batch_are_counted(
    reporter: RequestReporter, arrived: Collector
) -> None:
    arrived.refused = [{"index": 0, "field": "method", "error": "must be an HTTP method"}]
    reporter.record(observed())
    arrived.wait_for(1)
    assert reporter.flush(PATIENCE_S)
    assert (reporter.counts.refused, reporter.counts.reported) == (1, 0)


def test_a_request_that_cannot_be_encoded_costs_no_other_one(
    reporter: RequestReporter, arrived: Collector
) -> None:
    reporter.record(observed()._replace(route=object()))  # type: ignore[arg-type]
    reporter.record(observed("/b"))
    assert [one["path"] for one in arrived.wait_for(1)] == ["/b"]
    assert reporter.flush(PATIENCE_S)
    assert (reporter.counts.failed, reporter.counts.reported) == (1, 1)


def test_flush_says_whether_everything_was_sent() -> None:
    reporter = RequestReporter(f"http://127.0.0.1:{free_port()}", KEY)
    assert reporter.flush(0)
    reporter.record(observed())
    assert not reporter.flush(0.01)
    reporter.close(0)


def test_without_address_and_key_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDSHANK_URL", raising=False)
    monkeypatch.delenv("REDSHANK_API_KEY", raising=False)
    reporter = RequestReporter()
    reporter.record(observed())
    assert not reporter.is_enabled
    assert reporter.counts.waiting == 0


def test_address_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDSHANK_URL", "https://monitoring.example.com")
    monkeypatch.setenv("REDSHANK_API_KEY", KEY)
    assert RequestReporter().settings.address.hostname == "monitoring.example.com"


CHILDREN = """
import os, sys
from redshank_middleware import RequestReporter
from redshank_middleware.observed_request import ObservedRequest
reporter = RequestReporter(sys.argv[1], sys.argv[2], flush_interval_s=60)
def record(path):
    reporter.record(ObservedRequest(1.7e9, "GET", path, "", None, 200, 1, 0, 0, "", ""))
record("/parent")
for worker in range(3):
    if os.fork() == 0:
        record(f"/worker/{worker}")
        sys.exit(0)
for _ in range(3):
    os.wait()
"""


def run_program(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "middleware")}
    return subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )


def test_forked_workers_report_their_own_requests_and_flush_at_exit(arrived: Collector) -> None:
    run_program(CHILDREN, arrived.url, KEY)
    paths = sorted(one["path"] for one in arrived.requests)
    assert paths == ["/parent", "/worker/0", "/worker/1", "/worker/2"]


def test_a_process_ends_although_the_server_does_not_answer() -> None:
    code = CHILDREN.replace("flush_interval_s=60", "exit_timeout_s=0.1")
    run_program(code, f"http://127.0.0.1:{free_port()}", KEY)


def test_the_standard_library_is_enough() -> None:
    code = """
import json, sys
before = set(sys.modules)
import redshank_middleware.asgi, redshank_middleware.wsgi
names = {name.partition(".")[0] for name in sys.modules if name not in before}
print(json.dumps(sorted(names - set(sys.stdlib_module_names) - {"redshank_middleware"})))
"""
    # What the interpreter's own start imports, such as sitecustomize, is the system's.
    assert json.loads(run_program(code).stdout) == []
