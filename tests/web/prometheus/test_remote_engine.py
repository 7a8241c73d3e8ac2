"""The whole Prometheus API over a remote engine answers as over the local one."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from pytest_aiohttp import AiohttpClient

from model.labels import Labels
from model.metadata import MetricMetadata
from model.series import STALE, AlignedSeries
from promql.engine import LocalEngine
from tests.web.prometheus.remote_engine import RemoteEngine
from tests.web.service_doubles import NOW_MS, MemorySamples
from tests.web.world import World, world_at

STEP_MS = 15_000
LABELS = [
    Labels.of(__name__="up", job="node", instance="a"),
    Labels.of(__name__="up", job="node", instance="b"),
    Labels.of(__name__="höhe", job="node"),
]


def samples() -> MemorySamples:
    times = NOW_MS - STEP_MS * np.arange(9, -1, -1)
    values = np.arange(30.0).reshape(3, 10)
    values[1, 4] = STALE
    values[1, 5:] = np.nan
    values[0, 3] = np.inf
    return MemorySamples(LABELS, [AlignedSeries.of_source(LABELS, times, values)])


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    local, remote = tmp_path / "local", tmp_path / "remote"
    local.mkdir()
    remote.mkdir()
    return local, remote


@pytest.fixture
async def both(
    folders: tuple[Path, Path], aiohttp_client: AiohttpClient
) -> AsyncIterator[tuple[World, World]]:
    """Yield a world with a local engine, and one whose engine asks the first."""
    metadata = {"up": [MetricMetadata("gauge", "Whether it is up.")]}
    engine = LocalEngine(samples(), metadata=lambda: metadata)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        local = await stack.enter_async_context(
            world_at(folders[0], aiohttp_client, other_engine=engine)
        )
        other = RemoteEngine(local.client, await local.bearer())
        remote = await stack.enter_async_context(
            world_at(folders[1], aiohttp_client, other_engine=other)
        )
        yield local, remote


END_S = NOW_MS / 1000
RANGE = {"start": END_S - 120, "end": END_S, "step": "15s"}


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/api/v1/query", {"query": "up"}),
        ("/api/v1/query", {"query": "up[1m]"}),
        ("/api/v1/query", {"query": "scalar(vector(1.5))"}),
        ("/api/v1/query", {"query": '"text"'}),
        ("/api/v1/query", {"query": "rate(up[1m])"}),
        ("/api/v1/query", {"query": "sum("}),
        ("/api/v1/query", {"query": "up + on(job) up"}),
        ("/api/v1/query_range", {"query": "sum by (job) (up)", **RANGE}),
        ("/api/v1/query_range", {"query": "up", **RANGE, "step": "0"}),
        ("/api/v1/query_range", {"query": "up", **RANGE, "end": "0"}),
        ("/api/v1/query_range", {"query": "up", **RANGE, "start": "0"}),
        ("/api/v1/series", {"match[]": "up"}),
        ("/api/v1/series", {"match[]": "up", "limit": "1"}),
        ("/api/v1/labels", {}),
        ("/api/v1/labels", {"match[]": '{__name__="höhe"}'}),
        ("/api/v1/label/instance/values", {}),
        ("/api/v1/metadata", {}),
        ("/api/v1/metadata", {"metric": "down"}),
        ("/api/v1/query_exemplars", {"query": "up"}),
        ("/federate", {"match[]": '{job="node"}'}),
    ],
)
async def test_local_and_remote_engine_answer_the_same(
    both: tuple[World, World], path: str, parameters: dict[str, object]
) -> None:
    answers = []
    for world in both:
        response = await world.client.get(
            f"{path}?{urlencode(parameters)}", headers=await world.bearer()
        )
        answers.append((response.status, await response.text()))
    assert answers[0] == answers[1]
    assert answers[0][1]
