"""`/metrics` and the probes."""

from tests.web.world import World


async def test_metrics_come_from_the_registry(world: World) -> None:
    answer = await world.client.get("/metrics")
    assert "redshank_example_total 1.0" in await answer.text()
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    open_metrics = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = await world.client.get("/metrics", headers=open_metrics)
    assert (await answer.text()).endswith("# EOF\n")


async def test_probes_need_no_login(world: World) -> None:
    for path in ("/-/healthy", "/-/ready", "/health"):
        assert (await world.client.get(path)).status == 200
    health = await (await world.client.get("/health")).json()
    assert (health["ok"], health["status"], health["uptime_s"]) == (True, "healthy", 3600)
