"""`/api/v1/series`, `/labels`, `/label/…/values` and `/metadata`."""

from model.labels import Labels
from model.metadata import MetricMetadata
from tests.web.prometheus.requests import ask
from tests.web.service_doubles import target_status
from tests.web.world import World


async def test_series_label_names_and_values_are_listed(world: World) -> None:
    world.samples.known = [
        Labels.of(__name__="up", job="b", path="C:\\<b>"),
        Labels.of(__name__="up", job="a"),
        Labels.of(__name__="other"),
    ]
    series = await ask(world, "series", **{"match[]": "up"})
    assert series["data"] == [
        {"__name__": "up", "job": "a"},
        {"__name__": "up", "job": "b", "path": "C:\\<b>"},
    ]
    assert (await ask(world, "labels"))["data"] == ["__name__", "job", "path"]
    assert (await ask(world, "label/job/values"))["data"] == ["a", "b"]
    assert (await ask(world, "label/U__jo_62_/values"))["data"] == ["a", "b"]
    assert (await ask(world, "label/job/values", **{"match[]": "other"}))["data"] == []
    cut = await ask(world, "label/job/values", limit="1", start="1", end="2")
    assert (cut["data"], cut["warnings"]) == (["a"], ["results truncated due to limit"])
    assert world.samples.asked[-1] == (1000, 2000)


async def test_unknown_metric_has_no_metadata(world: World) -> None:
    assert (await ask(world, "metadata", metric="x"))["data"] == {}


async def test_many_series_are_streamed_completely(world: World) -> None:
    world.samples.known = [Labels.of(__name__="up", n=f"{index:05}") for index in range(5_000)]
    cut = await ask(world, "series", **{"match[]": "up", "limit": "4000"})
    assert [each["n"] for each in cut["data"]] == [f"{index:05}" for index in range(4_000)]
    assert cut["warnings"] == ["results truncated due to limit"]


async def test_metric_without_a_type_has_the_type_unknown(world: World) -> None:
    described = MetricMetadata(help="Only help.")
    world.engine.by_metric = {"only_help": {described}}
    data = (await ask(world, "metadata"))["data"]
    assert data == {"only_help": [{"type": "unknown", "help": "Only help.", "unit": ""}]}
    world.metadata.append((target_status().target, {"only_help": described}))
    (entry,) = (await ask(world, "targets/metadata"))["data"]
    assert entry["type"] == "unknown"
