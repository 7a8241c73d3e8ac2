"""Failures of every kind leave memory as it was, without waiting for a garbage collection."""

import asyncio
import ctypes
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import cramjam
import pytest
import pytest_asyncio

from daemon.configuration.configuration import ConfigurationSource
from daemon.data_directory import DataDirectory
from daemon.server.server import ServerPlan, running_server
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

FAILURES: Final = 50
PAYLOAD_BYTES: Final = 400_000
"""What each failure has in memory at least."""
LIMIT_BYTES: Final = 10 * PAYLOAD_BYTES
"""How much 50 failures may leave: caches, and free memory between blocks in use."""
SMALL_BYTES: Final = 64
"""The mean size of an object that Python allocates by itself."""

LINES: Final = b'metric_name{label="value"} 1.5\n' * (PAYLOAD_BYTES // 31)
BROKEN_TEXT: Final = LINES + b"broken{\n"
BROKEN_JSON: Final = b"[" + b'{"targets":["a:1"]},' * (PAYLOAD_BYTES // 20) + b"{"
GARBAGE: Final = bytes(cramjam.snappy.compress_raw(b"\xff" * 2 * PAYLOAD_BYTES))
PROTOBUF: Final = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
SETTINGS: Final = """
server: {listen: "127.0.0.1:0", scrape_self: false}
query: {max_samples: 100_000}
"""
PROMETHEUS: Final = """
global: {scrape_interval: 1h}
rule_files: ["rules/*.yml"]
"""
WIDE: Final = "vector(1)[99999s:1s]"
"""A range of 800 kB."""


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Allow blocking calls: files are written and the server is started here."""


@dataclass(slots=True)
class Running:
    """A server, a target of its configuration, and a client that is administrator."""

    directory: Path
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, expected: int, **request: Any) -> None:
        async with self.session.request(method, f"http://x{path}", **request) as answer:
            text = await answer.text()
            assert answer.status == expected, text[:1000]

    async def query(self, query: str, expected: int = 422, **parameters: str) -> None:
        data = {"query": query, **parameters}
        await self.ask("POST", "/api/v1/query", expected, data=data)

    async def write(self, body: bytes, version: str, expected: int = 400) -> None:
        headers = PROTOBUF | {"X-Prometheus-Remote-Write-Version": version}
        await self.ask("POST", "/api/v1/write", expected, data=body, headers=headers)

    async def otlp(self, signal: str, body: bytes, media_type: str) -> None:
        headers = {"Content-Type": media_type}
        await self.ask("POST", f"/v1/{signal}", 400, data=body, headers=headers)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    directory = tmp_path_factory.mktemp("failures")
    (directory / "redshank.yml").write_text(SETTINGS)
    (directory / "prometheus.yml").write_text(PROMETHEUS)
    (directory / "rules").mkdir()
    source = ConfigurationSource(
        directory / "redshank.yml", scrape_config=directory / "prometheus.yml"
    )
    data = DataDirectory(directory / "data")
    data.create()
    configuration = await asyncio.to_thread(source.read)
    async with running_server(ServerPlan(source, data, "a password of tests"), configuration):
        connector = aiohttp.UnixConnector(str(data.control_socket))
        async with aiohttp.ClientSession(connector=connector) as session:
            yield Running(directory, session)


async def query_over_its_samples(running: Running) -> None:
    await running.query("sum_over_time(sin(vector(time()))[60000s:1s])")


async def query_without_a_match(running: Running) -> None:
    one, two = (f'label_replace(vector(1), "a", "{value}", "", "")' for value in "12")
    await running.query(f"vector(scalar(sum_over_time({WIDE}))) + on () ({one} or {two})")


async def query_that_takes_too_long(running: Running) -> None:
    query = "quantile_over_time(0.5, sin(vector(time()))[40000s:1s])"
    parameters = {"query": query, "start": "0", "end": "10000", "step": "1", "timeout": "10ms"}
    await running.ask("POST", "/api/v1/query_range", 503, data=parameters)


async def query_that_is_no_promql(running: Running) -> None:
    await running.query("sum(" + "a +" * (PAYLOAD_BYTES // 3), 400)


async def client_that_leaves(running: Running) -> None:
    query = "quantile_over_time(0.5, sin(vector(time()))[40000s:1s])"
    parameters = {"query": query, "start": "0", "end": "10000", "step": "1"}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await running.ask("POST", "/api/v1/query_range", 200, data=parameters)


async def range_without_an_end(running: Running) -> None:
    parameters = {"query": "x" * PAYLOAD_BYTES, "start": "0", "end": "never", "step": "1"}
    await running.ask("POST", "/api/v1/query_range", 400, data=parameters)


async def series_of_a_bad_selector(running: Running) -> None:
    await running.ask("POST", "/api/v1/series", 400, data={"match[]": "x" * PAYLOAD_BYTES + "{"})


async def remote_write_1_of_garbage(running: Running) -> None:
    await running.write(GARBAGE, "0.1.0")


async def remote_write_that_is_not_compressed(running: Running) -> None:
    await running.write(b"\xff" * PAYLOAD_BYTES, "0.1.0")


async def remote_read_of_garbage(running: Running) -> None:
    await running.ask("POST", "/api/v1/read", 400, data=GARBAGE, headers=PROTOBUF)


async def pushed_group_of_a_broken_text(running: Running) -> None:
    await running.ask("PUT", "/metrics/job/batch", 400, data=BROKEN_TEXT)


async def message_of_broken_json(running: Running) -> None:
    headers = {"Content-Type": "application/json"}
    await running.ask("POST", "/api/metrics", 400, data=BROKEN_JSON, headers=headers)


async def report_of_broken_json(running: Running) -> None:
    headers = {"Content-Type": "application/json", "Authorization": "Bearer unknown"}
    await running.ask("POST", "/report", 403, data=BROKEN_JSON, headers=headers)


async def reload_of_a_broken_rule(running: Running) -> None:
    file = running.directory / "rules" / "broken.yml"
    rules = "  - {alert: x, expr: up}\n" * 1000
    file.write_text(f"groups:\n- name: a\n  rules:\n{rules}  - {{alert: y, expr: 'up +'}}\n")
    try:
        await running.ask("POST", "/-/reload", 500)
    finally:
        file.unlink()


async def otlp_metrics_of_garbage(running: Running) -> None:
    await running.otlp("metrics", b"\xff" * PAYLOAD_BYTES, "application/x-protobuf")


async def otlp_metrics_of_broken_json(running: Running) -> None:
    await running.otlp("metrics", BROKEN_JSON, "application/json")


async def otlp_logs_that_are_cut_off(running: Running) -> None:
    record = b'{"body":{"stringValue":"x"}},'
    records = record * (PAYLOAD_BYTES // len(record))
    body = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[' + records
    await running.otlp("logs", body, "application/json")


async def trace_in_no_known_format(running: Running) -> None:
    await running.ask("POST", "/api/sessions/ingest", 400, data=LINES)


async def outcomes_of_broken_json(running: Running) -> None:
    await running.ask("POST", "/api/session-outcomes", 400, data=BROKEN_JSON)


async def request_of_a_missing_page(running: Running) -> None:
    await running.ask("POST", "/api/nothing", 404, data=b"x" * PAYLOAD_BYTES)


KINDS: Final[tuple[Callable[[Running], Awaitable[None]], ...]] = (
    query_over_its_samples,
    query_without_a_match,
    query_that_takes_too_long,
    query_that_is_no_promql,
    client_that_leaves,
    range_without_an_end,
    series_of_a_bad_selector,
    remote_write_1_of_garbage,
    remote_write_that_is_not_compressed,
    remote_read_of_garbage,
    pushed_group_of_a_broken_text,
    message_of_broken_json,
    report_of_broken_json,
    reload_of_a_broken_rule,
    otlp_metrics_of_garbage,
    otlp_metrics_of_broken_json,
    otlp_logs_that_are_cut_off,
    trace_in_no_known_format,
    outcomes_of_broken_json,
    request_of_a_missing_page,
)


class _Mallinfo2(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def used_bytes() -> int:
    """Return the size of the allocated memory: large objects by malloc, small by Python."""
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = _Mallinfo2
    found = mallinfo2()
    return int(found.uordblks + found.hblkhd) + sys.getallocatedblocks() * SMALL_BYTES


@pytest.fixture
def _without_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_without_collections")
@pytest.mark.parametrize("fail", KINDS, ids=lambda kind: kind.__name__)
async def test_failures_leave_memory_as_it_was(
    running: Running, fail: Callable[[Running], Awaitable[None]]
) -> None:
    for _ in range(3):
        await fail(running)
    gc.collect()
    before = used_bytes()
    for _ in range(FAILURES):
        await fail(running)
    # A worker ends a moment after the answer to a query that took too long.
    async with asyncio.timeout(PATIENCE_S):
        while used_bytes() - before >= LIMIT_BYTES:  # noqa: ASYNC110  # nothing sets an event
            await asyncio.sleep(0.1)
