"""The page that draws the tree of routes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from alerting.routing.files.loader import parse_routing
from alerting.routing.time_intervals import TimeInterval
from tests.web.alerting_double import an_alert
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at
from web.alerts.routes_page import interval_text, interval_view, route_node

TREE = """
route:
  receiver: ops
  group_by: [alertname, cluster]
  routes:
  - {receiver: night, matchers: ['team="night"'], mute_time_intervals: [always], continue: true}
  - {receiver: ops, matchers: ['team="day"'], active_time_intervals: [never], group_by: [...]}
inhibit_rules:
- {name: dead, source_matchers: [alertname=HostDown], target_matchers: [a=b], equal: [host]}
time_intervals:
- {name: always, time_intervals: [{}]}
- {name: never, time_intervals: [{years: ['1999']}]}
receivers:
- {name: ops, webhook_configs: [{url: 'http://ops.example/s3cret'}]}
- {name: night}
"""


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


def test_nodes_say_what_their_intervals_do_now() -> None:
    configuration = parse_routing(TREE, Path("a.yml"))
    tree = route_node(configuration.route, {"always": True, "never": False}, {})
    night, day = tree.nodes
    assert (tree.group_by, tree.muted) == ("alertname, cluster", False)
    assert dict(tree.timings)["group_wait"] == "30s"
    assert (night.muted, night.proceeds, night.intervals) == (True, True, ("muted in always",))
    assert (day.muted, day.group_by, day.intervals) == (
        True,
        "every alert by itself",
        ("only in never",),
    )
    awake = route_node(configuration.route, {"always": False, "never": True}, {})
    assert [each.muted for each in awake.nodes] == [False, False]


def test_interval_is_described_with_its_next_change() -> None:
    window = TimeInterval(times=((540, 1020),), weekdays=((1, 5),), days_of_month=((-1, -1),))
    assert interval_text(window) == "Mon to Fri, day -1, 09:00 to 17:00, UTC"
    view = interval_view("always", (TimeInterval(),), NOW_MS)
    assert (view.is_active, view.changes_ms) == (True, None)


async def test_page_draws_tree_rules_and_receivers_without_secrets(world: World) -> None:
    router = world.alerting.router
    router.reconfigure(parse_routing(TREE, Path("a.yml")), has_tree=True, external_url="")
    await world.alerting.put(an_alert())
    text = await world.page("/routes")
    for part in (
        "<b><bdi>night</bdi></b>",
        "muted now",
        "HostDown",
        "active now",
        "Send a test to phone",
    ):
        assert part in text
    assert "s3cret" not in text
    assert "waiting</li>" in text


async def test_page_says_what_would_happen(world: World) -> None:
    text = await world.page('/routes?labels=alertname%3D"X"')
    assert "The route sends an alert at once when it fires." in text
    text = await world.page('/routes?labels=alertname%3D~"X"')
    assert "a label has one value" in text
