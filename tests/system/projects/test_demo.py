"""`redshank demo` fills a directory and serves it; other directories are left alone."""

from pathlib import Path

import pytest

from tests.system.processes import redshank, redshank_server, until


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_demo_shows_hosts_events_and_requests_of_a_week(tmp_path: Path) -> None:
    # Filled first: on a slow machine that takes longer than a server's start may.
    async with redshank("demo", "--fill-only", "--data-dir", str(tmp_path / "data")) as filling:
        assert await filling.process.wait() == 0, filling.output
    async with redshank_server(tmp_path / "data", command="demo") as server:

        async def hosts_up() -> bool:
            found = await server.query('sum(up{job="node"})')
            return bool(found) and found[0]["value"][1] == "6"

        await until(hosts_up, "the scrapes of all hosts")
        (week,) = await server.query('min(count_over_time(up{job="node"}[7d]))')
        assert float(week["value"][1]) > 20_000
        (project,) = await server.get("/v1/projects")
        key = project["projectKey"]
        overview = await server.get("/v1/reports/overview", projectKey=key)
        assert overview["totalEvents"] > 50_000
        # On a slow machine the filled points are too old until the server has recorded one.
        (counted,) = await until(
            lambda: server.query("sum(redshank_events_total)"), "the counters of the project"
        )
        assert abs(float(counted["value"][1]) - overview["totalEvents"]) < 500
        visits = await server.get("/v1/reports/sessions", projectKey=key, days="7")
        assert visits["sessions"] > 10_000
        assert "/thanks" in {one["value"] for one in visits["exitPages"]}
        assert {one["value"] for one in visits["sources"]} > {None, "search.example"}
        assert visits["series"][-1]["complete"] is False
        summary = await server.get(f"/api/v1/projects/{key}/metrics/summary")
        assert summary["total_requests"] > 1_000
        (found,) = (await server.get(f"/v1/projects/{key}/persons", search="customer-", limit="1"))[
            "persons"
        ]
        person = await server.get(f"/v1/projects/{key}/persons/{found['distinctId']}")
        assert len(person["distinctIds"]) == 2
        own = {one["name"] for one in person["personProperties"]}
        assert own >= {"name", "plan", "city", "came_from"}
        marks = await server.get("/api/annotations")
        assert [one["tags"] for one in marks] == [["deploy"], ["incident"]]
        assert await server.process.stop() == 0
    # A filled directory is served again.
    async with redshank_server(tmp_path / "data", command="demo") as server:
        await until(hosts_up, "the hosts, which go on")


@pytest.mark.slow
async def test_demo_leaves_the_data_of_a_server_alone(tmp_path: Path) -> None:
    async with redshank_server(tmp_path / "data") as server:
        assert await server.process.stop() == 0
    async with redshank("demo", "--fill-only", "--data-dir", str(tmp_path / "data")) as process:
        await process.line("name an empty directory with --data-dir")
        assert await process.process.wait() == 1
