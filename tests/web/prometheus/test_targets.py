"""`/api/v1/targets`, `/targets/metadata` and `/scrape_pools`."""

from model.labels import Labels
from model.metadata import MetricMetadata
from model.targets import Health
from scraper.fetching.targets import DroppedTarget
from tests.web.prometheus.requests import ask
from tests.web.service_doubles import target_status
from tests.web.world import World


async def test_targets_have_prometheus_fields(world: World) -> None:
    world.statuses.append(
        target_status(health=Health.DOWN, error="connection refused", now_ms=1_700_000_004_007)
    )
    answer = await ask(world, "targets")
    assert answer["data"] == {
        "activeTargets": [
            {
                "discoveredLabels": {"__address__": "10.0.0.5:9100", "__scheme__": "http"},
                "labels": {"instance": "10.0.0.5:9100", "job": "node"},
                "scrapePool": "node",
                "scrapeUrl": "http://10.0.0.5:9100/metrics",
                "globalUrl": "http://10.0.0.5:9100/metrics",
                "lastError": "connection refused",
                "lastScrape": "2023-11-14T22:13:20.007Z",
                "lastScrapeDuration": 0.0123,
                "health": "down",
                "scrapeInterval": "15s",
                "scrapeTimeout": "10s",
            }
        ],
        "droppedTargets": [],
        "droppedTargetCounts": {},
    }
    assert (await ask(world, "targets", state="dropped"))["data"]["activeTargets"] == []
    assert (await ask(world, "targets", scrapePool="x"))["data"]["activeTargets"] == []


async def test_dropped_targets_are_counted_by_job(world: World) -> None:
    world.statuses.append(target_status())
    world.discovered.names = ["node", "blackbox"]
    world.discovered.dropped_targets = [
        DroppedTarget("node", Labels.of(__address__="a:1"), "rule 1")
    ]
    data = (await ask(world, "targets"))["data"]
    dropped = {"discoveredLabels": {"__address__": "a:1"}, "scrapePool": "node"}
    assert data["droppedTargets"] == [dropped]
    assert data["droppedTargetCounts"] == {"blackbox": 0, "node": 1}
    data = (await ask(world, "targets", state="active"))["data"]
    assert (len(data["activeTargets"]), data["droppedTargets"]) == (1, [])
    assert data["droppedTargetCounts"] is None
    other = (await ask(world, "targets", scrapePool="blackbox"))["data"]
    assert (other["activeTargets"], other["droppedTargets"]) == ([], [])
    nothing = (await ask(world, "targets", state="x"))["data"]
    assert (nothing["activeTargets"], nothing["droppedTargets"]) == ([], [])


async def test_target_metadata_is_listed_by_target(world: World) -> None:
    up, load = (MetricMetadata("gauge", text, "") for text in ("Is up.", "Load."))
    targets = [target_status(instance=name).target for name in ("a:1", "b:1")]
    world.metadata += [(targets[0], {"up": up, "load": load}), (targets[1], {"up": up})]
    found = (await ask(world, "targets/metadata", match_target='{instance="a:1"}'))["data"]
    assert found == [
        {
            "target": {"instance": "a:1", "job": "node"},
            "metric": name,
            "type": "gauge",
            "help": text,
            "unit": "",
        }
        for name, text in (("load", "Load."), ("up", "Is up."))
    ]
    named = (await ask(world, "targets/metadata", metric="up"))["data"]
    assert [entry["target"]["instance"] for entry in named] == ["a:1", "b:1"]
    assert "metric" not in named[0]
    assert len((await ask(world, "targets/metadata", limit="1"))["data"]) == 2
    for parameters in ({"limit": "x"}, {"match_target": "{"}):
        answer = await ask(world, "targets/metadata", 400, **parameters)
        assert answer["errorType"] == "bad_data"


async def test_jobs_without_targets_are_scrape_pools(world: World) -> None:
    world.discovered.names = ["node", "empty"]
    assert (await ask(world, "scrape_pools"))["data"] == {"scrapePools": ["empty", "node"]}
