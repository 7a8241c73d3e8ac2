"""Queries beyond the limits fail as in Prometheus, while others are answered."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.patience import PATIENCE_S
from tests.system.processes import Server, redshank_server, until

# The median of 300,000 values at each of 10,000 steps takes longer than any test waits.
ENDLESS = {
    "query": "quantile_over_time(0.5, sin(vector(time()))[300000s:1s])",
    "start": "0",
    "end": "10000",
    "step": "1",
}
TOO_MANY = "query processing would load too many samples into memory in query execution"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server with a low limit of samples that runs two queries at a time."""
    settings = {
        "scrape": {"interval": "1s", "timeout": "1s"},
        "query": {"max_samples": 1_000_000, "threads": 2},
    }
    async with redshank_server(tmp_path / "data", settings) as server:

        async def scraped() -> bool:
            return bool(await server.query("up"))

        await until(scraped, "a scrape")
        yield server


async def ask(server: Server, path: str = "query", **parameters: str) -> tuple[int, Any]:
    async with server.session.get(f"{server.url}/api/v1/{path}", params=parameters) as answer:
        return answer.status, await answer.json()


async def test_query_over_too_many_samples_fails(server: Server) -> None:
    queries = ("count_over_time(vector(1)[30d:1s])", "vector(1)[30d:1s]")
    for query in queries:
        assert await ask(server, query=query) == (
            422,
            {
                "status": "error",
                "errorType": "execution",
                "error": TOO_MANY,
            },
        )


async def test_query_that_takes_too_long_ends(server: Server) -> None:
    status, document = await ask(server, "query_range", timeout="300ms", **ENDLESS)
    assert (status, document["errorType"]) == (503, "timeout")
    assert document["error"].startswith("query timed out in ")


async def test_other_queries_are_answered_meanwhile(server: Server) -> None:
    endless = asyncio.ensure_future(ask(server, "query_range", **ENDLESS))
    for _ in range(20):
        status, document = await ask(server, query="up")
        assert status == 200
        assert document["data"]["result"]
    assert not endless.done()
    endless.cancel()


async def test_query_of_a_client_that_left_is_cancelled(server: Server) -> None:
    # There are more queries than threads: if one were not cancelled, the last would wait.
    for _ in range(4):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await ask(server, "query_range", **ENDLESS)
    async with asyncio.timeout(PATIENCE_S):
        status, _ = await ask(server, query="up")
    assert status == 200


@pytest.mark.slow
async def test_client_that_leaves_a_large_answer_harms_no_other(server: Server) -> None:
    large = {"query": "vector(time()) or up", "start": "0", "end": "11000", "step": "1"}
    async with aiohttp.ClientSession(headers=server.session.headers) as session:
        url = f"{server.url}/api/v1/query_range"
        async with session.get(url, params=large) as answer:
            await answer.content.readany()
    assert (await ask(server, query="up"))[0] == 200
