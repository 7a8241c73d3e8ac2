"""The filters and pages of `/api/v1/rules`."""

from typing import Any

import pytest

from alerting.evaluation.health import RuleHealth
from alerting.views import GroupView, RuleKind, RuleView
from tests.web.world import World


@pytest.fixture
async def world(world: World) -> World:
    world.alerting.groups = (
        group("one", "a.yml", "First", "Second"),
        group("two", "a.yml", "First"),
        group("two", "b.yml", "Third"),
    )
    return world


def group(name: str, file: str, *rules: str) -> GroupView:
    views = tuple(
        RuleView(RuleKind.ALERTING, rule, "up == 0", RuleHealth(), {"team": rule.lower()})
        for rule in rules
    )
    return GroupView(name, file, 60_000, 0, views, None, 0, 0)


async def rules(world: World, query: str, status: int = 200) -> Any:
    answer = await world.client.get(f"/api/v1/rules?{query}", headers=await world.bearer())
    document = await answer.json()
    assert answer.status == status, document
    return document["data"] if status == 200 else document["error"]


def names(data: Any) -> list[tuple[str, list[str]]]:
    return [
        (f"{each['file']}/{each['name']}", [rule["name"] for rule in each["rules"]])
        for each in data["groups"]
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("rule_name[]=First", [("a.yml/one", ["First"]), ("a.yml/two", ["First"])]),
        (
            "rule_name[]=Third&rule_name[]=Second",
            [("a.yml/one", ["Second"]), ("b.yml/two", ["Third"])],
        ),
        ("rule_group[]=two", [("a.yml/two", ["First"]), ("b.yml/two", ["Third"])]),
        ("rule_group[]=two&file[]=b.yml", [("b.yml/two", ["Third"])]),
        ('match[]={team="third"}', [("b.yml/two", ["Third"])]),
        ("type=RECORD", []),
        ("rule_name[]=Nothing", []),
    ],
)
async def test_rules_are_filtered(
    world: World, query: str, expected: list[tuple[str, list[str]]]
) -> None:
    assert names(await rules(world, query)) == expected


async def test_groups_are_paginated(world: World) -> None:
    query, pages = "file[]=a.yml&file[]=b.yml&group_limit=2", []
    data = await rules(world, query)
    pages.append([name for name, _ in names(data)])
    data = await rules(world, f"{query}&group_next_token={data['groupNextToken']}")
    pages.append([name for name, _ in names(data)])
    assert pages == [["a.yml/one", "a.yml/two"], ["b.yml/two"]]
    assert "groupNextToken" not in data


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("type=x", 'invalid parameter "type": not supported value "x"'),
        ("group_limit=0", "group_limit needs to be greater than 0"),
        ("group_limit=x", "group_limit needs to be a valid number"),
        ("group_next_token=x", "group_limit needs to be present"),
        ("group_limit=1&group_next_token=x", "invalid group_next_token 'x'"),
        ("exclude_alerts=x", "error converting exclude_alerts"),
        ("match[]={}", "must contain at least one non-empty matcher"),
    ],
)
async def test_invalid_filters_are_rejected(world: World, query: str, error: str) -> None:
    assert error in await rules(world, query, 400)
