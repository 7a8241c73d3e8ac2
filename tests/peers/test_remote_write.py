"""Redshank stores every remote-write sample of Prometheus and vmagent."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.ports import free_port
from tests.programs import program, skip_before_version
from tests.system.processes import (
    ADMIN_PASSWORD,
    Process,
    redshank,
    redshank_exporter,
    running,
    until,
)

pytestmark = pytest.mark.peer

Samples = dict[tuple[tuple[str, str], ...], dict[int, float]]
JOB = "written"
SCRAPES = 12


@dataclass
class Receiver:
    """A Redshank server that can be restarted at the same address."""

    url: str
    port: int
    data: Path
    token: str = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Process]:
        flags = ("--data-dir", str(self.data), "--listen", f"127.0.0.1:{self.port}")
        async with redshank("server", *flags) as process:
            await process.line("server_started")
            if not self.token:
                login = {"username": "admin", "password": ADMIN_PASSWORD}
                async with (
                    aiohttp.ClientSession() as session,
                    session.post(self.url + "/auth/token", json=login) as answer,
                ):
                    self.token = (await answer.json())["access_token"]
            yield process

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@pytest.fixture
def receiver(tmp_path: Path) -> Receiver:
    port = free_port()
    return Receiver(f"http://127.0.0.1:{port}", port, tmp_path / "redshank")


async def raw_samples(
    url: str, time_s: float, headers: Mapping[str, str] | None = None
) -> Samples | None:
    """Return the samples of the job up to a time, None if the server does not respond."""
    query = {"query": f'{{job="{JOB}"}}[10m]', "time": str(time_s)}
    try:
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(url + "/api/v1/query", params=query) as answer,
        ):
            document = await answer.json()
    except aiohttp.ClientError:
        return None
    if document["status"] != "success":
        return None
    return {
        tuple(sorted(one["metric"].items())): {
            round(time * 1000): float(value) for time, value in one["values"]
        }
        for one in document["data"]["result"]
    }


def scrapes(samples: Samples | None) -> int:
    return max((len(one) for one in (samples or {}).values()), default=0)


def configuration(target: str, **further: Any) -> str:
    job = {"job_name": JOB, "static_configs": [{"targets": [target]}]}
    every = {"scrape_interval": "500ms", "scrape_timeout": "400ms"}
    return json.dumps({"global": every, "scrape_configs": [job], **further})


def now_s() -> float:
    return float(int(time.time()))


async def arrived(peer_url: str, count: int) -> float:
    """Wait until the peer has `count` scrapes; return the time."""

    async def enough() -> float | None:
        time_s = now_s()
        samples = await raw_samples(peer_url, time_s)
        return time_s if scrapes(samples) >= count else None

    time_s: float = await until(enough, f"{count} scrapes by the peer")
    return time_s


async def same_in_both(receiver: Receiver, peer_url: str, time_s: float) -> Samples:
    """Wait until both servers have the same samples up to a time; return them."""
    expected = await raw_samples(peer_url, time_s)
    assert expected

    async def same() -> bool:
        return await raw_samples(receiver.url, time_s, receiver.headers) == expected

    await until(same, "both servers to have the same samples")
    return expected


@asynccontextmanager
async def prometheus(
    tmp_path: Path, receiver: Receiver, target: str = "", *flags: str, **remote_write: Any
) -> AsyncIterator[str]:
    """Run a Prometheus that writes to the receiver; without a target it scrapes itself."""
    write = {
        **remote_write,
        "url": receiver.url + "/api/v1/write",
        "authorization": {"credentials": receiver.token},
        "queue_config": {
            "min_shards": 3,
            "max_shards": 3,
            # Splits every scrape into several requests.
            "max_samples_per_send": 100,
            "batch_send_deadline": "100ms",
            "min_backoff": "30ms",
            "max_backoff": "200ms",
        },
    }
    file = tmp_path / "prometheus.yml"
    address = f"127.0.0.1:{free_port()}"
    text = configuration(target or address, remote_write=[write])
    await asyncio.to_thread(file.write_text, text)
    async with running(
        program("prometheus"),
        *flags,
        f"--config.file={file}",
        f"--storage.tsdb.path={tmp_path / 'prometheus'}",
        f"--web.listen-address={address}",
    ) as process:
        await process.line("Server is ready")
        yield f"http://{address}"
        errors = [
            line
            for line in process.lines
            if "non-recoverable" in line or ("remote" in line and "level=error" in line.lower())
        ]
        assert errors == []


async def test_prometheus_writes_every_sample(tmp_path: Path, receiver: Receiver) -> None:
    async with (
        receiver.running(),
        redshank_exporter() as (_, target),
        prometheus(tmp_path, receiver, target) as url,
    ):
        time_s = await arrived(url, SCRAPES)
        found = await same_in_both(receiver, url, time_s)
    assert len(found) > 300


@pytest.fixture
def prometheus_3() -> None:
    skip_before_version("prometheus", (3, 5, 0))


@pytest.mark.usefixtures("prometheus_3")
@pytest.mark.parametrize("message", ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"])
async def test_native_histograms_and_metadata_are_stored_without_an_error(
    tmp_path: Path, receiver: Receiver, message: str
) -> None:
    flags = ["--enable-feature=native-histograms,metadata-wal-records"]
    settings = {
        "protobuf_message": message,
        "send_native_histograms": True,
        "metadata_config": {"send_interval": "500ms"},
    }
    name = "prometheus_http_request_duration_seconds"
    async with (
        receiver.running(),
        prometheus(tmp_path, receiver, "", *flags, **settings) as url,
        aiohttp.ClientSession(headers=receiver.headers) as session,
    ):

        async def answer(server: str, path: str, **query: str) -> Any:
            headers = receiver.headers if server == receiver.url else {}
            sent = session.get(f"{server}/api/v1/{path}", params=query, headers=headers)
            async with sent as response:
                return (await response.json())["data"]

        async def counts(server: str, expression: str, time_s: float) -> dict[str, float]:
            found = await answer(server, "query", query=expression, time=str(time_s))
            return {one["metric"]["handler"]: float(one["value"][1]) for one in found["result"]}

        async def same() -> bool:
            time_s = now_s() - 1
            ours = await counts(receiver.url, f"{name}_count", time_s)
            theirs = await counts(url, f"histogram_count({name})", time_s)
            return len(ours) > 1 and ours == theirs

        await until(same, "both servers to have the same counts")
        quantile = f"histogram_quantile(0.9, rate({name}_bucket[5s]))"
        assert await answer(receiver.url, "query", query=quantile)

        async def described() -> Any:
            return (await answer(receiver.url, "metadata", metric=name)).get(name)

        (metadata,) = await until(described, "metadata")
        assert metadata["type"] == "histogram"
        assert metadata["help"].startswith("Histogram of latencies")


@pytest.mark.slow
async def test_no_sample_is_lost_when_redshank_is_killed(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with redshank_exporter() as (_, target):
        async with receiver.running():
            pass
        async with prometheus(tmp_path, receiver, target) as url:
            for count in (2, 5, 9):
                async with receiver.running() as process:
                    await arrived(url, count)
                    await process.kill()
            async with receiver.running():
                time_s = await arrived(url, SCRAPES)
                await same_in_both(receiver, url, time_s)


async def exported(url: str, until_ms: int) -> Samples:
    """Return the samples of the job up to a time from VictoriaMetrics."""
    query = {"match[]": f'{{job="{JOB}"}}'}
    async with (
        aiohttp.ClientSession() as session,
        session.get(url + "/api/v1/export", params=query) as answer,
    ):
        lines = (await answer.text()).splitlines()
    result: Samples = {}
    for line in lines:
        one = json.loads(line)
        samples = {
            time_ms: float("nan" if value is None else value)
            for time_ms, value in zip(one["timestamps"], one["values"], strict=True)
            if time_ms <= until_ms and value is not None
        }
        if samples:
            result[tuple(sorted(one["metric"].items()))] = samples
    return result


@pytest.mark.slow
async def test_vmagent_writes_every_sample(tmp_path: Path, receiver: Receiver) -> None:
    file = tmp_path / "vmagent.yml"
    storage, agent = (f"127.0.0.1:{free_port()}" for _ in range(2))
    async with (
        receiver.running(),
        redshank_exporter() as (_, target),
        running(
            program("victoria-metrics"),
            f"-storageDataPath={tmp_path / 'victoria'}",
            f"-httpListenAddr={storage}",
        ),
    ):
        await asyncio.to_thread(file.write_text, configuration(target))
        tokens = tmp_path / "token"
        await asyncio.to_thread(tokens.write_text, receiver.token)
        async with running(
            program("vmagent"),
            f"-promscrape.config={file}",
            f"-remoteWrite.url={receiver.url}/api/v1/write",
            f"-remoteWrite.bearerToken={receiver.token}",
            f"-remoteWrite.url=http://{storage}/api/v1/write",
            "-remoteWrite.bearerToken=",
            "-remoteWrite.flushInterval=200ms",
            "-remoteWrite.queues=4",
            f"-remoteWrite.tmpDataPath={tmp_path / 'vmagent'}",
            f"-httpListenAddr={agent}",
        ) as process:

            async def enough() -> float | None:
                time_s = now_s()
                samples = await raw_samples(receiver.url, time_s, receiver.headers)
                return time_s if scrapes(samples) >= SCRAPES else None

            time_s: float = await until(enough, "vmagent's scrapes")

            async def same() -> bool:
                ours = await raw_samples(receiver.url, time_s, receiver.headers)
                theirs = await exported(f"http://{storage}", round(time_s * 1000))
                return ours is not None and equal_samples(ours, theirs)

            await until(same, "both servers to have the same samples")
            assert not [line for line in process.lines if "unexpected status code" in line]


def equal_samples(ours: Samples, theirs: Samples) -> bool:
    """Return whether both have the same samples; VictoriaMetrics stores about 15 digits."""
    return ours.keys() == theirs.keys() and all(
        samples.keys() == theirs[labels].keys()
        and all(
            math.isclose(value, theirs[labels][time_ms], rel_tol=1e-12)
            for time_ms, value in samples.items()
        )
        for labels, samples in ours.items()
    )
