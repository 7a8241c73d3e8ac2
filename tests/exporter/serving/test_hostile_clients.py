"""Requests of broken, slow and malicious clients."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.settings import ExporterSettings
from tests.exporter.exporter_client import Client, Serve
from tests.exporter.host_tree import FIXTURES, unpack
from tests.patience import PATIENCE_S

LOOPBACK = ExporterSettings(listen="127.0.0.1:0", disabled=frozenset({"processes"}))
IMPATIENT = replace(LOOPBACK, request_timeout_s=0.2, idle_timeout_s=0.2)


@pytest.fixture
def client(serve: Serve) -> Client:
    return serve(LOOPBACK)


@contextmanager
def connected(client: Client) -> Iterator[socket.socket]:
    with socket.create_connection(client.exporter.address, timeout=30) as connection:
        yield connection


def read_all(connection: socket.socket) -> bytes:
    """Return everything until the server closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def exchange(client: Client, request: bytes) -> bytes:
    with connected(client) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return read_all(connection)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"what is this\r\n\r\n", b"400"),
        (b"GET / HTTP/nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/3.0\r\n\r\n", b"505"),
        (b"BREW /metrics HTTP/1.1\r\n\r\n", b"501"),
        (b"DELETE /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"GET http://[ HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /\x00\xff HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /../../etc/passwd HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /metrics?collect[]=%ff%00 HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /metrics?" + b"a&" * 1000 + b" HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 70_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"431"),
    ],
)
def test_bad_request_gets_its_error_status(
    client: Client, request_bytes: bytes, status: bytes
) -> None:
    answer = exchange(client, request_bytes)
    assert answer.split(b" ", 2)[1] == status
    assert b"Traceback" not in answer
    assert client.get("/health").status == 200


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(garbage=st.binary(max_size=300))
def test_garbage_does_not_harm_the_exporter(client: Client, garbage: bytes) -> None:
    exchange(client, garbage)
    assert client.get("/health").status == 200


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text; version=1.x",
        "application/openmetrics-text; version=",
        "application/openmetrics-text; version=x; escaping=dots",
        "text/plain; version=\xe9",
        "*/*;q=" + "1" * 5000,
        ",,;;==",
    ],
)
def test_odd_accept_header_still_gets_metrics(client: Client, accept: str) -> None:
    reply = client.get("/metrics?collect[]=loadavg", Accept=accept)
    assert reply.status == 200
    assert "node_load1" in reply.text


def test_folded_accept_header_cannot_add_a_header_to_the_answer(client: Client) -> None:
    answer = exchange(
        client,
        b"GET /metrics?collect[]=loadavg HTTP/1.1\r\n"
        b"Accept: application/openmetrics-text; version=1.0.0\r\n\tX-Evil: 1\r\n"
        b"Connection: close\r\n\r\n",
    )
    assert b"node_load1" in answer
    assert b"X-Evil" not in answer


def test_body_of_a_request_is_not_taken_for_the_next_one(client: Client) -> None:
    smuggled = b"GET /health HTTP/1.1\r\n\r\n"
    length = str(len(smuggled)).encode()
    answer = exchange(
        client, b"GET / HTTP/1.1\r\nContent-Length: " + length + b"\r\n\r\n" + smuggled
    )
    assert answer.count(b"HTTP/1.1 ") == 1


def test_requests_on_one_connection_are_answered_in_turn(client: Client) -> None:
    answer = exchange(
        client, b"GET /nothing HTTP/1.1\r\n\r\nGET /health HTTP/1.1\r\nConnection: close\r\n\r\n"
    )
    assert [part.split(b" ")[0] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"404", b"200"]


@pytest.mark.parametrize("sent", [b"", b"GET /met", b"GET /metrics HTTP/1.1\r\nA: b\r\n"])
def test_client_that_does_not_finish_its_request_is_disconnected(serve: Serve, sent: bytes) -> None:
    with connected(serve(IMPATIENT)) as connection:
        connection.sendall(sent)
        assert read_all(connection) == b""


def test_client_that_sends_byte_by_byte_is_disconnected(serve: Serve) -> None:
    gone = threading.Event()
    with connected(serve(IMPATIENT)) as connection:

        def trickle() -> None:
            try:
                while not gone.wait(0.01):
                    connection.send(b"A")
            except OSError:
                pass

        trickling = threading.Thread(target=trickle)
        trickling.start()
        try:
            assert read_all(connection) == b""
        except ConnectionResetError:
            pass  # The server closed the connection while bytes were on their way.
        finally:
            gone.set()
            trickling.join(10)


def test_client_that_does_not_read_its_responses_is_disconnected(serve: Serve) -> None:
    client = serve(IMPATIENT)
    with connected(client) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        # Far more responses than the buffers of both ends hold.
        with suppress(OSError):
            connection.sendall(b"GET /metrics?collect[]=meminfo HTTP/1.1\r\n\r\n" * 5000)
        assert client.get("/health").status == 200


def test_connection_beyond_the_limit_waits_its_turn(serve: Serve) -> None:
    client = serve(replace(IMPATIENT, max_connections=2))
    with connected(client), connected(client):
        assert client.get("/health").status == 200


def test_connections_stay_open_while_there_are_few(serve: Serve) -> None:
    client = serve(replace(LOOPBACK, max_connections=4))
    assert client.get("/health").headers["Connection"] is None


def test_connections_are_closed_while_there_are_many(serve: Serve) -> None:
    client = serve(replace(LOOPBACK, max_connections=4))
    with connected(client) as one, connected(client) as two:
        for connection in (one, two):
            connection.sendall(b"GET /health HTTP/1.1\r\n\r\n")
            assert connection.recv(65536)
        assert client.get("/health").headers["Connection"] == "close"


def test_stop_closes_idle_connections(serve: Serve) -> None:
    client = serve(LOOPBACK)
    with connected(client) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        client.exporter.__exit__(None, None, None)
        assert read_all(connection) == b""


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[ExporterSettings]:
    """A host whose load averages hang: opening a pipe waits for a writer."""
    roots = unpack(FIXTURES / "bare_metal.tree", tmp_path)
    pipe = tmp_path / "proc/loadavg"
    pipe.unlink()
    os.mkfifo(pipe)
    yield replace(LOOPBACK, roots=roots, collector_timeout_s=0.3)
    release(pipe)


def release(pipe: Path) -> None:
    """Let the reader of the pipe read its end."""
    os.close(os.open(pipe, os.O_RDWR | os.O_NONBLOCK))


def test_collector_that_hangs_loses_its_own_families_only(
    serve: Serve, hanging: ExporterSettings
) -> None:
    client = serve(replace(hanging, collector_timeout_s=1.0))
    for _ in range(3):
        text = client.get("/metrics").text
        assert 'node_scrape_collector_success{collector="loadavg"} 0' in text
        assert 'node_scrape_collector_success{collector="meminfo"} 1' in text
        assert "node_load1" not in text
        assert "node_memory_MemTotal_bytes" in text
    # On a busy machine another collector may miss the deadline once; it does not stay stuck.
    ends_s = time.monotonic() + PATIENCE_S
    while "redshank_exporter_stuck_collectors 1\n" not in client.get("/metrics").text:
        assert time.monotonic() < ends_s, "the number of stuck collectors is not 1"


def test_scraper_gets_its_response_within_its_timeout(
    serve: Serve, hanging: ExporterSettings
) -> None:
    client = serve(replace(hanging, collector_timeout_s=3600.0))
    text = client.get("/metrics", X_Prometheus_Scrape_Timeout_Seconds="0.5").text
    assert 'node_scrape_collector_success{collector="loadavg"} 0' in text
    assert "node_memory_MemTotal_bytes" in text


@pytest.mark.parametrize("timeout", ["nan", "-1", "soon", "inf", "1e999"])
def test_odd_scrape_timeout_is_ignored(client: Client, timeout: str) -> None:
    reply = client.get("/metrics", X_Prometheus_Scrape_Timeout_Seconds=timeout)
    assert 'node_scrape_collector_success{collector="loadavg"} 1' in reply.text


def test_concurrent_scrapes_all_get_everything(client: Client) -> None:
    texts: list[str] = []
    scrapers = [
        threading.Thread(target=lambda: texts.append(client.get("/metrics").text)) for _ in range(8)
    ]
    for scraper in scrapers:
        scraper.start()
    for scraper in scrapers:
        scraper.join(30)
    assert len(texts) == 8
    assert all("node_load1 " in text and "node_uname_info" in text for text in texts)


def test_open_request_is_answered_before_the_exporter_stops(
    serve: Serve, hanging: ExporterSettings
) -> None:
    client = serve(replace(hanging, collector_timeout_s=30.0))
    statuses: list[int] = []
    request = threading.Thread(
        target=lambda: statuses.append(client.get("/metrics?collect[]=loadavg").status)
    )
    request.start()
    pipe = Path(hanging.roots.proc, "loadavg")
    # Opening the pipe for writing succeeds once the collector has opened it for reading.
    with pipe.open("w") as writer:
        stopping = threading.Thread(target=client.exporter.__exit__, args=(None, None, None))
        stopping.start()
        writer.write("0.1 0.2 0.3 1/2 3\n")
    request.join(10)
    stopping.join(10)
    assert statuses == [200]


def test_150_slow_clients_of_one_address_fail_no_scrape(client: Client) -> None:
    with ExitStack() as slow:
        for _ in range(150):
            connection = slow.enter_context(connected(client))
            connection.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        for _ in range(3):
            assert client.get("/health").status == 200


def test_slow_clients_of_many_addresses_fail_no_scrape(client: Client) -> None:
    host, port = client.exporter.address
    with ExitStack() as slow:
        for number in range(100):
            source = (f"127.0.1.{number + 1}", 0)
            connection = socket.create_connection((host, port), 30, source)
            slow.enter_context(connection)
            connection.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        for _ in range(3):
            assert client.get("/health").status == 200
