"""Prometheus reads Redshank's samples by remote read, and both answer raw requests alike."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.peers.test_http_api import EXPOSITION
from tests.ports import free_port
from tests.programs import program, skip_before_version
from tests.system.processes import Server, redshank_server, running, until
from tests.web.prometheus.remote_read import read_client as client

pytestmark = [
    pytest.mark.peer,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
]

SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Peers:
    """A Redshank, a Prometheus with the same target, and one that only reads Redshank."""

    redshank: Server
    prometheus_url: str
    reader_url: str
    end_s: float

    async def query(self, url: str, expression: str) -> list[dict[str, object]]:
        parameters = {"query": expression, "time": f"{self.end_s:.3f}"}
        async with self.redshank.session.get(f"{url}/api/v1/query", params=parameters) as answer:
            document = await answer.json()
            assert answer.status == 200, document
            found: list[dict[str, object]] = document["data"]["result"]
            return sorted(found, key=lambda each: json.dumps(each["metric"], sort_keys=True))

    async def read(self, data: bytes) -> list[aiohttp.ClientResponse]:
        """Send a remote-read request to Redshank and to Prometheus."""
        urls = (self.redshank.url, self.prometheus_url)
        return [await self.redshank.session.post(f"{url}/api/v1/read", data=data) for url in urls]


@asynccontextmanager
async def prometheus(directory: Path, configuration: Mapping[str, object]) -> AsyncIterator[str]:
    """Run Prometheus in a new directory and return its URL."""
    file = directory / "prometheus.yml"
    await asyncio.to_thread(directory.mkdir)
    await asyncio.to_thread(file.write_text, json.dumps(configuration))
    address = f"127.0.0.1:{free_port()}"
    async with running(
        program("prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={address}",
    ) as process:
        await process.line("ready to receive web requests")
        yield f"http://{address}"


@pytest.fixture(scope="module")
def prometheus_3() -> None:
    """Skip the tests beside Prometheus 2, which cannot read the target's UTF-8 names."""
    skip_before_version("prometheus", (3, 5, 0))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peers(
    tmp_path_factory: pytest.TempPathFactory, prometheus_3: None
) -> AsyncIterator[Peers]:
    directory = tmp_path_factory.mktemp("read")

    async def expose(_: web.Request) -> web.Response:
        return web.Response(text=EXPOSITION, content_type="text/plain")

    app = web.Application()
    app.router.add_get("/metrics", expose)
    async with TestServer(app, host="127.0.0.1") as target:
        job = {"targets": [f"127.0.0.1:{target.port}"]}
        settings = {
            "server": {"scrape_self": False},
            "scrape": {"interval": "1s", "timeout": "1s", "jobs": [{"name": "peer", **job}]},
        }
        async with redshank_server(directory / "data", settings) as redshank:
            scraping = {
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
                "scrape_configs": [{"job_name": "peer", "static_configs": [job]}],
            }
            token = redshank.session.headers["Authorization"].removeprefix("Bearer ")
            reading = {
                "remote_read": [
                    {
                        "url": f"{redshank.url}/api/v1/read",
                        "read_recent": True,
                        "authorization": {"credentials": token},
                    }
                ]
            }
            async with (
                prometheus(directory / "scraping", scraping) as scraper,
                prometheus(directory / "reading", reading) as reader,
            ):

                async def scraped() -> bool:
                    late = Peers(redshank, scraper, reader, time.time())
                    counted = await late.query(scraper, "count_over_time(up[1m])")
                    ours = await redshank.query("count_over_time(up[1m])")
                    return all(
                        some and float(some[0]["value"][1]) > SAMPLES  # type: ignore[index]
                        for some in (counted, ours)
                    )

                await until(scraped, "some scrapes by both")
                found = Peers(redshank, scraper, reader, time.time())
                # Samples scraped from now on are after the time of the queries.
                await asyncio.sleep(1)
                yield found


@pytest.mark.parametrize(
    "expression",
    [
        "temperature_celsius",
        "sum by (path) (visits_total)",
        "count_over_time(wait_seconds_bucket[1h])",
        '{__name__=~"odd_.*",which!="exact"}',
        'last_over_time({job="peer",path!~"/a"}[1m])',
        "up[1m]",
        "nothing",
    ],
)
async def test_prometheus_reads_what_redshank_has(peers: Peers, expression: str) -> None:
    ours = await peers.query(peers.redshank.url, expression)
    assert await peers.query(peers.reader_url, expression) == ours
    assert bool(ours) == (expression != "nothing")


def comparable(series: client.Series) -> tuple[dict[str, str], set[int], bool]:
    """Return labels and values, and whether there are as many samples as in three seconds."""
    labels, samples = series
    return labels, {bits for _, bits in samples}, len(samples) in (2, 3, 4)


@pytest.mark.parametrize("accepted", [client.SAMPLES, client.CHUNKS])
async def test_responses_have_the_series_and_values_of_prometheus(
    peers: Peers, accepted: int
) -> None:
    end_ms = round(peers.end_s * 1000)
    matchers = [
        (2, "__name__", "temperature_celsius|visits_total|wait_.*|odd_values"),
        (0, "job", "peer"),
        (1, "which", "large"),
        (3, "path", "/a"),
    ]
    queries = [client.query(end_ms - 3_000, end_ms, *matchers), client.query(0, 1, *matchers)]
    results = []
    for answer in await peers.read(client.body(queries, [accepted])):
        body = await answer.read()
        assert answer.status == 200, body
        kind = answer.headers["Content-Type"]
        decoded = (
            client.decoded_samples(body)
            if accepted == client.SAMPLES
            else client.decoded_frames(body, len(queries))
        )
        # Prometheus sorts the series of a stream only.
        shown = [sorted(map(comparable, result), key=repr) for result in decoded]
        results.append((kind, answer.headers.get("Content-Encoding"), shown))
    assert results[0] == results[1]
    assert len(results[0][2][0]) == 13


@pytest.mark.parametrize(
    "data",
    [b"", b"junk", client.body([client.query(0, 1, (2, "a", "("))]), client.body([b""], [9])],
)
async def test_invalid_request_is_refused_by_both(peers: Peers, data: bytes) -> None:
    ours, theirs = await peers.read(data)
    assert ours.status == 400
    assert theirs.status in (400, 500)
