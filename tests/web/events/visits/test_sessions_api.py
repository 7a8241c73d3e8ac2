from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.projects import ProjectSettings
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at

MINUTE_MS = 60_000
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0.0.0 Safari/537.36"
PAGE = {"Origin": "https://shop.example", "User-Agent": CHROME}
GOOGLE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


def view(minutes_ago: float, path: str, referrer: str = "") -> dict[str, Any]:
    properties = {"$current_url": f"https://shop.example{path}", "$referrer": referrer}
    time_ms = NOW_MS - round(minutes_ago * MINUTE_MS)
    return {"eventName": "$pageview", "timestamp": time_ms, "properties": properties}


async def test_visits_of_pages_are_counted_with_what_was_excluded(world: World) -> None:
    project = await world.services.analytics.projects.create(ProjectSettings("Shop"), None)
    views = [
        view(100, "/a?utm_source=news", "https://search.example/"),
        view(95, "/b", "https://shop.example/a"),
        view(20, "/c", "https://shop.example/b"),
    ]
    body = {"projectKey": project.key, "cookieless": True, "events": views}
    sent = await world.client.post("/v1/events/batch", json=body, headers=PAGE)
    assert (await sent.json())["inserted"] == 3
    await world.client.post("/v1/events/batch", json=body, headers=PAGE | {"User-Agent": GOOGLE})
    answer = await world.client.get(
        f"/v1/reports/sessions?projectKey={project.key}", headers=await world.bearer()
    )
    report = await answer.json()
    assert answer.status == 200, report
    assert (report["sessions"], report["uniqueUsers"], report["bounces"]) == (2, 1, 1)
    assert (report["timedSessions"], report["medianSeconds"]) == (1, 300.0)
    assert report["bounceRate"]["rate"] == 0.5
    # The second visit began twenty minutes ago and may go on.
    assert report["complete"] is False
    assert {one["value"] for one in report["entryPages"]} == {"/a", "/c"}
    assert {one["value"] for one in report["exitPages"]} == {"/b", "/c"}
    # A visit that a link inside the site resumes has no source.
    assert [one["value"] for one in report["sources"]] == ["search.example", None]
    assert report["excluded"] == {"bot": 3, "address": 0, "userAgent": 0}
    world.now[0] += 31 * MINUTE_MS
    posted = await world.client.post(
        "/v1/reports/sessions",
        json={
            "projectKey": project.key,
            "filters": {"property": "$pathname", "operator": "equals", "value": "/b"},
        },
        headers=await world.bearer(),
    )
    chosen = await posted.json()
    assert (posted.status, chosen.get("sessions"), chosen.get("medianSeconds")) == (200, 1, 300.0)
    assert chosen["complete"] is True


async def test_visits_have_a_series_and_are_compared_with_the_period_before(world: World) -> None:
    project = await world.services.analytics.projects.create(ProjectSettings("Shop"), None)
    day = 24 * 60
    minutes = (20, day, day - 5, 6 * day, 7 * day + 30, 14 * day + 30)
    body = {
        "projectKey": project.key,
        "events": [{**view(each, "/a"), "anonymousId": "a"} for each in minutes],
    }
    await world.client.post("/v1/events/batch", json=body)
    headers = await world.bearer()
    query = {"projectKey": project.key, "days": "7", "compare": "true"}
    answer = await world.client.get("/v1/reports/sessions", params=query, headers=headers)
    report = await answer.json()
    assert answer.status == 200, report
    assert (report["interval"], report["timeZone"], report["sessions"]) == ("day", "UTC", 3)
    series = report["series"]
    assert [point["sessions"] for point in series] == [1, 0, 0, 0, 0, 1, 1]
    assert [point["bounces"] for point in series] == [1, 0, 0, 0, 0, 0, 1]
    assert [point["complete"] for point in series] == [True] * 6 + [False]
    assert series[-1]["bounceRate"]["rate"] == 1.0
    before = report["previous"]
    assert (before["sessions"], before["complete"]) == (1, True)
    assert [point["sessions"] for point in before["series"]] == [0, 0, 0, 0, 0, 0, 1]
    # Seven days earlier, at the same time of day.
    for end in ("from", "to"):
        moved = datetime.fromisoformat(report[end]) - datetime.fromisoformat(before[end])
        assert moved == timedelta(7)
    wrong = await world.client.get(
        "/v1/reports/sessions", params={**query, "compare": "yes"}, headers=headers
    )
    assert wrong.status == 400
    posted = await world.client.post(
        "/v1/reports/sessions",
        json={"projectKey": project.key, "days": 7, "interval": "week"},
        headers=headers,
    )
    weeks = await posted.json()
    assert weeks["previous"] is None
    assert sum(point["sessions"] for point in weeks["series"]) == 3


async def test_a_bucket_is_complete_when_its_visits_have_ended(world: World) -> None:
    project = await world.services.analytics.projects.create(ProjectSettings("Shop"), None)
    body = {"projectKey": project.key, "events": [{**view(20, "/a"), "anonymousId": "a"}]}
    await world.client.post("/v1/events/batch", json=body)
    start = datetime.fromtimestamp((NOW_MS - 40 * MINUTE_MS) / 1000, UTC)
    query = {"projectKey": project.key, "from": start.isoformat(), "interval": "minute"}

    async def states() -> dict[int, list[bool]]:
        answer = await world.client.get(
            "/v1/reports/sessions", params=query, headers=await world.bearer()
        )
        found: dict[int, list[bool]] = {}
        for point in (await answer.json())["series"]:
            if datetime.fromisoformat(point["end"]).timestamp() * 1000 <= NOW_MS:
                found.setdefault(point["sessions"], []).append(point["complete"])
        return found

    before = await states()
    assert set(before[0]) == {True}
    # Its minute is over, but the visit may go on.
    assert before[1] == [False]
    world.now[0] += 11 * MINUTE_MS
    assert (await states())[1] == [True]
