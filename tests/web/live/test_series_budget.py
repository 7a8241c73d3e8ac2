"""The series of live queries are bounded, for one connection and in all."""

from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from model.labels import Labels
from model.limits import LimitName, Refusals
from tests.web.live.client import PATH, received
from tests.web.service_doubles import vector
from tests.web.world import world_at
from web.http.errors import LiveSeriesError
from web.live.series_budget import LiveSeries
from web.settings import WebSettings

SETTINGS = WebSettings(live_series=10, live_series_per_stream=6, live_interval_s=0.05)


def test_series_of_a_connection_are_those_of_its_last_results() -> None:
    refusals = Refusals()
    budget = LiveSeries(SETTINGS, refusals)
    with budget.share() as one, budget.share() as other:
        one.take("a", 4)
        one.take("b", 2)
        one.take("a", 3)
        other.take("a", 5)
        assert (one.taken, other.taken, budget.taken) == (5, 5, 10)
        with pytest.raises(LiveSeriesError, match=r"yield 7 series.*live_series_per_stream"):
            one.take("a", 5)
        assert one.taken == 2
        one.release("b")
        with pytest.raises(LiveSeriesError, match=r"more than 10 series.*web\.live_series\)"):
            one.take("c", 6)
        one.take("c", 5)
    assert budget.taken == 0
    totals = refusals.totals()
    assert (totals[LimitName.STREAM_SERIES], totals[LimitName.LIVE_SERIES]) == (1, 1)


async def test_query_with_too_many_series_is_an_error_and_others_go_on(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with world_at(tmp_path, aiohttp_client, SETTINGS) as world:
        world.engine.answers["few"] = vector({Labels.of(n="1"): 1.0})
        world.engine.answers["many"] = vector(
            {Labels.of(n=str(number)): 1.0 for number in range(7)}
        )
        async with world.client.ws_connect(PATH, headers=await world.bearer()) as socket:
            for name in ("many", "few"):
                await socket.send_json(
                    {"type": "subscribe", "id": name, "query": name, "interval_s": 1}
                )
            refused = await received(socket, "error")
            assert refused["id"] == "many"
            assert "web.live_series_per_stream" in refused["error"]
            assert (await received(socket, "values"))["id"] == "few"
        assert world.services.refusals.totals()[LimitName.STREAM_SERIES] == 1
