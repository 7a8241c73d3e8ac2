import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.collectors.probes.http_probe import probe_http
from exporter.collectors.probes.network_probes import probe_dns, probe_icmp
from exporter.collectors.probes.probes import ServiceProbes
from exporter.errors import NoDataError
from exporter.roots import Roots
from model.probing.reply import ProbeReply, host_and_port
from tests.exporter.host_tree import key, samples
from tests.patience import PATIENCE_S
from tests.ports import free_port


@pytest.fixture(autouse=True, scope="module")
def patient() -> Iterator[None]:
    """Let probes take as long as a busy machine needs."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_TIMEOUT_S", "_DEADLINE_S"):
            patch.setattr(f"exporter.collectors.probes.probes.{name}", PATIENCE_S)
        yield


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def web_server(answer: Callable[[str], bytes]) -> Iterator[str]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            path = self.rfile.readline().split()[1].decode()
            while self.rfile.readline().strip():
                pass
            self.wfile.write(answer(path))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def dns_server(answer: Callable[[bytes], bytes]) -> Iterator[str]:
    class Handler(socketserver.DatagramRequestHandler):
        def handle(self) -> None:
            self.wfile.write(answer(self.rfile.read()))

    with socketserver.UDPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def answered(query: bytes, code: int = 0) -> bytes:
    return query[:2] + bytes((0x81, 0x80 | code, 0, 1, 0, 1, 0, 0, 0, 0)) + query[12:]


def test_probes_have_blackbox_names_and_a_failure_concerns_its_target_only() -> None:
    with web_server(lambda _: OK) as web, dns_server(answered) as dns:
        gone = f"127.0.0.1:{free_port()}"
        url, name = f"http://{web}/health?a=b", f"monitor.example.com@{dns}"
        targets = {"http": [url, "no address"], "tcp": [web, gone], "dns": [name]}
        found = samples(ServiceProbes(Roots(), targets))
    success = {
        (dict(labels)["probe"], dict(labels)["target"]): value
        for (metric, labels), value in found.items()
        if metric == "probe_success"
    }
    assert success == {
        ("http", url): 1, ("http", "no address"): 0,
        ("tcp", web): 1, ("tcp", gone): 0, ("dns", name): 1,
    }  # fmt: skip
    assert found[key("probe_http_status_code", probe="http", target=url)] == 200
    assert found[key("probe_http_content_length", probe="http", target=url)] == 2
    assert found[key("probe_dns_answer_rrs", probe="dns", target=name)] == 1
    phases = {
        dict(labels)["phase"] for metric, labels in found if metric == "probe_http_duration_seconds"
    }
    assert phases == {"resolve", "connect", "processing", "transfer"}
    assert found[key("probe_duration_seconds", probe="tcp", target=gone)] >= 0


def test_redirects_are_followed_and_an_error_is_no_success() -> None:
    def answer(path: str) -> bytes:
        if path == "/end":
            return OK
        if path == "/bad":
            return b"HTTP/1.1 503 Busy\r\n\r\n"
        target = "/" if path == "/" else "/end"
        return f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()

    with web_server(answer) as web:
        reply = probe_http(f"http://{web}/start", PATIENCE_S)
        assert (reply.succeeded, reply.numbers["http_redirects"]) == (True, 1)
        reply = probe_http(f"http://{web}/bad", PATIENCE_S)
        assert (reply.succeeded, reply.numbers["http_status_code"]) == (False, 503)
        assert not probe_http(f"http://{web}/", PATIENCE_S).succeeded


def test_server_that_never_answers_ends_the_probe() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(TimeoutError):
        probe_http(f"http://127.0.0.1:{listener.getsockname()[1]}/", 0.2)


@pytest.mark.parametrize(
    "begun",
    [
        b"HTTP/1.1 200 OK\r\nX-Endless: ",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
    ids=["header", "chunk", "body"],
)
def test_server_that_sends_byte_by_byte_for_ever_ends_the_probe(begun: bytes) -> None:
    gone = threading.Event()

    class Drip(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(begun)
            with suppress(OSError):
                while not gone.wait(0.01):
                    self.wfile.write(b"x")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Drip) as server:
        accepting = threading.Thread(target=server.serve_forever, args=(0.01,))
        accepting.start()
        ended = threading.Event()

        def probe() -> None:
            with suppress(TimeoutError):
                probe_http(f"http://127.0.0.1:{server.server_address[1]}", 0.5)
            ended.set()

        probing = threading.Thread(target=probe)
        probing.start()
        # The body of the third server grows by 100 bytes a second: its limit is hours away.
        is_ended = ended.wait(PATIENCE_S / 4)
        gone.set()
        probing.join()
        server.shutdown()
        accepting.join()
    assert is_ended


def test_answer_of_another_question_is_passed_over_and_a_refusal_is_no_success() -> None:
    with dns_server(lambda query: answered(query, 5)) as dns:
        reply = probe_dns(f"a.example@{dns}", PATIENCE_S)
        assert (reply.succeeded, reply.numbers["dns_query_succeeded"]) == (False, 0)
    with (
        dns_server(lambda query: bytes((query[0] ^ 1,)) + query[1:]) as dns,
        pytest.raises(TimeoutError),
    ):
        probe_dns(f"a.example@{dns}", 0.2)


def test_loopback_answers_an_echo() -> None:
    try:
        reply = probe_icmp("127.0.0.1", PATIENCE_S)
    except PermissionError:
        pytest.skip("net.ipv4.ping_group_range forbids it here")
    assert reply.succeeded
    assert set(reply.phases_s) == {"resolve", "setup", "rtt"}


def test_probe_that_hangs_delays_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.collectors.probes.probes._DEADLINE_S", 0.5)
    opened = threading.Event()

    def probe(target: str, timeout_s: float) -> ProbeReply:
        if target == "hangs":
            opened.wait(PATIENCE_S)
        return ProbeReply(succeeded=True)

    try:
        found = samples(ServiceProbes(Roots(), {"tcp": ["hangs", "answers"]}, {"tcp": probe}))
    finally:
        opened.set()
    assert found[key("probe_success", probe="tcp", target="hangs")] == 0
    assert found[key("probe_success", probe="tcp", target="answers")] == 1


def test_collector_without_targets_has_no_data() -> None:
    with pytest.raises(NoDataError):
        samples(ServiceProbes(Roots(), {"http": ()}))


@settings(max_examples=30, deadline=None)
@given(answer=st.binary(max_size=80) | st.integers(0, len(OK)).map(lambda end: OK[:end]))
def test_odd_answers_of_a_web_server_fail_the_probe_alone(answer: bytes) -> None:
    with web_server(lambda _: answer) as web:
        found = samples(ServiceProbes(Roots(), {"http": [f"http://{web}/"]}))
    assert len([name for name, _ in found if name == "probe_success"]) == 1


@settings(max_examples=30, deadline=None)
@given(answer=st.binary(max_size=40))
def test_odd_answers_of_a_dns_server_fail_the_probe_alone(answer: bytes) -> None:
    # An answer without a whole header is none: the probe waits for another one.
    with dns_server(lambda query: query[:2] + answer) as dns, suppress(TimeoutError):
        assert probe_dns(f"a@{dns}", 0.02).numbers["ip_protocol"] == 4


@pytest.mark.parametrize(
    ("target", "port", "parts"),
    [
        ("a:1", None, ("a", 1)),
        ("[::1]:53", None, ("::1", 53)),
        ("::1", 53, ("::1", 53)),
        ("[::1]", 53, ("::1", 53)),
        ("a", 443, ("a", 443)),
    ],
)
def test_host_and_port_are_read(target: str, port: int | None, parts: tuple[str, int]) -> None:
    assert host_and_port(target, port) == parts


@pytest.mark.parametrize("target", ["", "a", ":1", "a:0", "a:65536", "a:b", "::1"])
def test_target_without_a_port_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        host_and_port(target)
