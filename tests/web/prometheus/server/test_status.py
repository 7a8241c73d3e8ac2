"""`/api/v1/status/…` and the reload of the configuration."""

from model.labels import Labels
from tests.web.prometheus.requests import ask
from tests.web.world import World


async def test_build_info_names_the_compatible_version(world: World) -> None:
    data = (await ask(world, "status/buildinfo"))["data"]
    assert data["version"] == "3.5.0"
    assert data["revision"] == "redshank-0.1.0"


async def test_version_is_the_build_info_without_envelope(world: World) -> None:
    answer = await world.client.get("/version", headers=await world.bearer())
    assert await answer.json() == (await ask(world, "status/buildinfo"))["data"]


async def test_store_status_has_the_cardinality(world: World) -> None:
    world.samples.known = [Labels.of(__name__="up", job="a"), Labels.of(__name__="up", job="b")]
    data = (await ask(world, "status/tsdb"))["data"]
    assert data == {
        "headStats": {
            "numSeries": 2,
            "numLabelPairs": 3,
            "chunkCount": 1,
            "minTime": 2**63 - 1,
            "maxTime": -(2**63),
        },
        "seriesCountByMetricName": [{"name": "up", "value": 2}],
        "labelValueCountByLabelName": [
            {"name": "job", "value": 2},
            {"name": "__name__", "value": 1},
        ],
        "memoryInBytesByLabelName": [],
        "seriesCountByLabelValuePair": [
            {"name": "__name__=up", "value": 2},
            {"name": "job=a", "value": 1},
            {"name": "job=b", "value": 1},
        ],
    }
    assert (
        len((await ask(world, "status/tsdb", limit="1"))["data"]["labelValueCountByLabelName"]) == 1
    )
    for limit in ("0", "-1", "x", "10001"):
        assert (await ask(world, "status/tsdb", 400, limit=limit))["errorType"] == "bad_data"


async def test_runtime_configuration_and_flags_are_returned(world: World) -> None:
    assert (await ask(world, "status/config"))["data"] == {"yaml": world.configuration.text}
    assert (await ask(world, "status/flags"))["data"] == {"config.file": "/etc/redshank.yml"}
    data = (await ask(world, "status/runtimeinfo"))["data"]
    assert data["startTime"] == "2025-11-22T13:00:00Z"
    assert (data["reloadConfigSuccess"], data["lastConfigTime"]) == (True, "2025-11-22T13:59:00Z")
    assert data["storageRetention"] == "730d"
    assert (await ask(world, "status/walreplay"))["data"]["state"] == "done"


async def test_reload_lists_settings_that_need_a_restart(world: World) -> None:
    world.configuration.restart_needed = ("server.listen",)
    for method in ("POST", "PUT"):
        answer = await world.client.request(method, "/-/reload", headers=await world.bearer())
        assert answer.status == 200
        assert await answer.json() == {"restart_needed": ["server.listen"]}
    assert world.configuration.reloads == 2


async def test_refused_configuration_has_its_place(world: World) -> None:
    world.configuration.error = "p.yml:3: bad"
    answer = await world.client.post("/-/reload", headers=await world.bearer())
    assert (answer.status, await answer.json()) == (500, {"error": "p.yml:3: bad"})
