import gzip
import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.errors import ListenError, UnknownCollectorError
from exporter.gathering.self_metrics import SelfMetrics
from exporter.serving import server
from exporter.settings import ExporterSettings
from tests.exporter.captured_logs import capture_logs
from tests.exporter.exporter_client import Client, Serve
from tests.exporter.host_tree import FIXTURES, unpack
from tests.patience import PATIENCE_S

LOOPBACK = ExporterSettings(listen="127.0.0.1:0")


@pytest.fixture
def client(serve: Serve) -> Client:
    return serve(LOOPBACK)


def families(text: str) -> set[str]:
    return {family.name for family in parse_text(text)}


def test_metrics_include_the_host_and_the_exporter(client: Client) -> None:
    reply = client.get("/metrics")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    names = families(reply.text)
    assert {"node_cpu_seconds", "node_load1", "node_memory_MemTotal_bytes"} <= names
    assert {"process_cpu_seconds", "python_info", "redshank_exporter_build_info"} <= names
    assert 'node_scrape_collector_success{collector="cpu"} 1' in reply.text


def test_openmetrics_is_served_on_request(client: Client) -> None:
    reply = client.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert reply.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert "node_cpu_seconds" in {family.name for family in parse_openmetrics(reply.text)}  # type: ignore[no-untyped-call]


def test_response_is_compressed_if_the_client_accepts_gzip(client: Client) -> None:
    reply = client.get("/metrics", Accept_Encoding="gzip;q=1.0, identity")
    assert reply.headers["Content-Encoding"] == "gzip"
    assert b"node_load1" in gzip.decompress(reply.body)


def test_collect_filter_runs_only_the_named(client: Client) -> None:
    names = families(client.get("/metrics?collect[]=loadavg&collect[]=uname").text)
    assert {"node_load1", "node_uname_info"} <= names
    assert "node_cpu_seconds" not in names


def test_exclude_filter_leaves_the_named_out(client: Client) -> None:
    names = families(client.get("/metrics?exclude[]=loadavg").text)
    assert "node_load1" not in names
    assert "node_cpu_seconds" in names


@pytest.mark.parametrize(
    "query", ["collect[]=nonsense", "exclude[]=nonsense", "collect[]=cpu&exclude[]=cpu"]
)
def test_invalid_filter_is_a_bad_request(client: Client, query: str) -> None:
    assert client.get(f"/metrics?{query}").status == 400


def test_disabled_collector_does_not_run_and_cannot_be_selected(serve: Serve) -> None:
    client = serve(ExporterSettings(listen="127.0.0.1:0", disabled=frozenset({"loadavg"})))
    assert "node_load1" not in families(client.get("/metrics").text)
    assert client.get("/metrics?collect[]=loadavg").status == 400


def test_scrape_beyond_the_most_is_refused(serve: Serve, tmp_path: Path) -> None:
    roots = unpack(FIXTURES / "bare_metal.tree", tmp_path)
    pipe = tmp_path / "proc/loadavg"
    pipe.unlink()
    os.mkfifo(pipe)
    client = serve(replace(LOOPBACK, roots=roots, max_requests=1, collector_timeout_s=300.0))

    def scrape() -> None:
        # Without a writer, opening the pipe does not return.
        while client.get("/metrics?collect[]=loadavg").status == 503:
            time.sleep(0.01)

    running = threading.Thread(target=scrape)
    running.start()
    until_answered(client, 503)
    assert client.get("/health").status == 200
    until_s = time.monotonic() + PATIENCE_S
    while running.is_alive() and time.monotonic() < until_s:
        # A scrape that opens the pipe after this writer has gone waits for the next one.
        os.close(os.open(pipe, os.O_RDWR))
        running.join(0.01)
    assert not running.is_alive()
    until_answered(client, 200)


def until_answered(client: Client, status: int) -> None:
    """Scrape until a scrape is answered with a status."""
    until_s = time.monotonic() + PATIENCE_S
    while client.get("/metrics?collect[]=uname").status != status:
        assert time.monotonic() < until_s
        time.sleep(0.01)


def test_unknown_collector_is_refused_at_start() -> None:
    with pytest.raises(UnknownCollectorError, match="nonsense"):
        server.Exporter(ExporterSettings(listen="127.0.0.1:0", collectors=frozenset({"nonsense"})))


def test_landing_page_links_to_the_metrics(client: Client) -> None:
    reply = client.get("/")
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert 'href="/metrics"' in reply.text


def test_health_is_ok_and_other_paths_are_not_found(client: Client) -> None:
    assert client.get("/health").text == "ok\n"
    assert client.get("/nonsense").status == 404


def test_head_has_the_headers_and_no_body(client: Client) -> None:
    reply = client.get("/metrics", method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["Content-Length"]) > 1000


def test_defect_is_answered_with_500_and_logged(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistake(_: SelfMetrics) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(SelfMetrics, "collect", mistake)
    with capture_logs() as logs:
        assert client.get("/metrics").status == 500
    assert "request_failed" in [entry["event"] for entry in logs]
    assert client.get("/health").status == 200


def test_responses_are_counted_by_status(client: Client) -> None:
    client.get("/nonsense")
    client.get("/health")
    text = client.get("/metrics?collect[]=uname").text
    assert 'redshank_exporter_http_requests_total{code="404"} 1' in text
    assert 'redshank_exporter_http_requests_total{code="200"} 1' in text


@pytest.mark.peer
@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_promtool_only_complains_about_names_of_node_exporter(
    client: Client, tmp_path: Path
) -> None:
    live = tmp_path / "live.prom"
    live.write_bytes(client.get("/metrics").body)
    for path in (live, FIXTURES / "bare_metal.prom"):
        with path.open("rb") as exposition:
            checked = subprocess.run(
                ["promtool", "check", "metrics"], stdin=exposition, capture_output=True, text=True
            )
        known = (
            "metric names should be written in 'snake_case' not 'camelCase'",
            'use base unit "bytes" instead of "bits"',
        )
        assert checked.returncode in (0, 3)
        assert [line for line in checked.stderr.splitlines() if not line.endswith(known)] == []


@pytest.mark.parametrize(
    ("listen", "hosts"),
    [
        ("[::1]:0", ["::1"]),
        ("localhost:0", ["localhost"]),
        (":0", ["127.0.0.1", "::1"]),
    ],
)
def test_exporter_is_reached_where_it_listens(serve: Serve, listen: str, hosts: list[str]) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    _, port = serve(replace(LOOPBACK, listen=listen)).exporter.address
    for host in hosts:
        with closing(HTTPConnection(host, port, timeout=30)) as connection:
            connection.request("GET", "/health")
            assert connection.getresponse().read() == b"ok\n"


def test_address_in_use_is_a_listen_error(client: Client) -> None:
    _, port = client.exporter.address
    with pytest.raises(ListenError, match="Address already in use"):
        server.Exporter(ExporterSettings(listen=f"127.0.0.1:{port}"))


def test_serve_is_ready_then_stops_on_request() -> None:
    stop, ready = threading.Event(), threading.Event()
    serving = threading.Thread(
        target=server.serve, args=(LOOPBACK, stop), kwargs={"ready": lambda *_: ready.set()}
    )
    serving.start()
    try:
        assert ready.wait(10)
    finally:
        stop.set()
        serving.join(10)
    assert not serving.is_alive()
