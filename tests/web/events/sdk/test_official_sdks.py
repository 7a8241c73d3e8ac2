"""The official Python SDKs of PostHog and Segment send into a running server."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.system.processes import Server, redshank_server

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """The server runs in its own process; the SDKs may block here."""


async def new_project(server: Server) -> str:
    project = await server.post("/v1/projects", {"name": "Shop"})
    key: str = project["projectKey"]
    return key


async def stored(server: Server, key: str) -> tuple[dict[str, int], int]:
    """Return the number of events by name, and the number of persons."""
    top = await server.get("/v1/reports/top-events", projectKey=key)
    overview = await server.get("/v1/reports/overview", projectKey=key)
    return {one["eventName"]: one["count"] for one in top["events"]}, overview["uniqueUsers"]


async def newest(server: Server, key: str) -> list[dict[str, Any]]:
    live = await server.get(f"/v1/projects/{key}/live")
    events: list[dict[str, Any]] = live["events"]
    return events


def with_posthog(url: str, key: str, use: Callable[[Any], None], **options: Any) -> None:
    import posthog

    failures: list[Any] = []
    client = posthog.Posthog(
        key, host=url, on_error=lambda error, _: failures.append(error), **options
    )
    use(client)
    client.shutdown()
    assert failures == []


def send_by_posthog(client: Any) -> None:
    client.capture("opened", distinct_id="anon-1", properties={"plan": "free", "bad": float("nan")})
    client.capture("$identify", distinct_id="ann", properties={"$anon_distinct_id": "anon-1"})
    client.set(distinct_id="ann", properties={"plan": "pro"})
    client.capture("bought", distinct_id="ann", timestamp=datetime(2026, 1, 2, tzinfo=UTC))
    # The other way round, PostHog refuses it too: Ann is known, and would become another person.
    client.alias("ann", "ann-old")
    client.capture("opened", distinct_id="ann-old")
    assert not client.evaluate_flags("ann").is_enabled("new-checkout")


async def test_posthogs_sdk_only_needs_another_host(tmp_path: Path) -> None:
    async with redshank_server(tmp_path / "data") as server:
        for options in ({}, {"gzip": True}, {"sync_mode": True}):
            key = await new_project(server)
            await asyncio.to_thread(with_posthog, server.url, key, send_by_posthog, **options)
            counts, persons = await stored(server, key)
            # "bought" happened before the range of the report.
            names = {"$identify", "$set", "$create_alias", "$feature_flag_called"}
            assert counts == {"opened": 2, **dict.fromkeys(names, 1)}
            assert persons == 1
            earlier = await server.get(
                "/v1/reports/overview", projectKey=key, **{"from": "2026-01-01", "to": "2026-01-03"}
            )
            assert earlier["totalEvents"] == 1


async def test_an_unknown_key_is_named_in_the_log_of_posthogs_sdk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import posthog

    async with redshank_server(tmp_path / "data") as server:

        def send() -> None:
            client = posthog.Posthog("unknown", host=server.url, sync_mode=True, max_retries=0)
            client.capture("opened", distinct_id="ann")
            client.shutdown()

        await asyncio.to_thread(send)
    assert "Project with key 'unknown' not found" in caplog.text


def with_segment(url: str, key: str, use: Callable[[Any], None], **options: Any) -> None:
    from segment.analytics.client import Client

    failures: list[Any] = []
    client = Client(
        key, host=url, on_error=lambda error, _: failures.append(error), max_retries=0, **options
    )
    use(client)
    if not client.sync_mode:
        client.shutdown()
    assert failures == []


def send_by_segment(client: Any) -> None:
    context = {"ip": "192.0.2.1", "page": {"url": "https://shop.example/a?utm_source=news"}}
    client.track(anonymous_id="anon-1", event="opened", properties={"price": 9.5})
    client.identify("ann", {"plan": "pro"}, anonymous_id="anon-1")
    client.page("ann", "Docs", "Home", context=context)
    client.screen("ann", "App", "Start")
    client.group("ann", "acme", {"size": 3})
    client.alias("ann-old", "ann")
    client.track("ann-old", "opened", message_id="m-1")
    client.track("ann-old", "opened", message_id="m-1")
    client.track(
        "bot",
        "opened",
        context={"userAgent": "Mozilla/5.0 (compatible; Googlebot/2.1)"},
    )


async def test_segments_sdk_only_needs_another_host(tmp_path: Path) -> None:
    async with redshank_server(tmp_path / "data") as server:
        for options in ({}, {"gzip": True}, {"sync_mode": True}):
            key = await new_project(server)
            await asyncio.to_thread(with_segment, server.url, key, send_by_segment, **options)
            counts, persons = await stored(server, key)
            assert counts == {
                "opened": 2,
                "$identify": 1,
                "$pageview": 1,
                "$screen": 1,
                "$groupidentify": 1,
                "$create_alias": 1,
            }
            assert persons == 1
            events = {event["eventName"]: event for event in await newest(server, key)}
            page = events["$pageview"]["properties"]
            assert page["$pathname"] == "/a"
            assert (page["utm_source"], page["name"]) == ("news", "Home")
            assert "192.0.2.1" not in str(events)
