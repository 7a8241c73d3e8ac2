"""Conditions as fields of a form, and the filters in JSON that they mean."""

from typing import Any
from urllib.parse import parse_qsl

import pytest
from multidict import MultiDict

from analytics.product.conditions import parse_filters
from web.product_pages.condition_fields import asked_conditions, conditions_of, has_form

PLAN = {"property": "plan", "operator": "equals", "value": "pro"}
AMOUNT = {"property": "amount", "operator": "at_least", "value": 10}
SET = {"property": "coupon", "operator": "is_set"}


def asked(text: str) -> Any:
    return asked_conditions(MultiDict(parse_qsl(text, keep_blank_values=True))).filters()


@pytest.mark.parametrize(
    ("address", "filters"),
    [
        ("where=plan&op=equals&value=pro", [PLAN]),
        ("where=plan&value=pro", [PLAN]),
        ("where=&op=equals&value=pro", []),
        ("segment=Buyers", [{"segment": "Buyers"}]),
        (
            "where=plan&op=equals&value=pro&where=amount&op=at_least&value=10&segment=Buyers",
            [PLAN, AMOUNT, {"segment": "Buyers"}],
        ),
        (
            "match=1.any&where=plan&op=equals&value=pro&where=amount&op=at_least&value=10",
            [{"any": [PLAN, AMOUNT]}],
        ),
        (
            (
                "match=1.any&match=2.all&where=plan&op=equals&value=pro&in=1"
                "&where=amount&op=at_least&value=10&in=1&where=coupon&op=is_set&value=&in=2"
            ),
            [{"any": [PLAN, AMOUNT]}, {"all": [SET]}],
        ),
        (
            (
                "join=any&where=plan&op=equals&value=pro&in=1"
                "&where=amount&op=at_least&value=10&in=1&where=coupon&op=is_set&value=&in=2"
            ),
            [{"any": [{"all": [PLAN, AMOUNT]}, {"all": [SET]}]}],
        ),
        (
            "where=buy&op=event_at_least&value=3&within=30",
            [{"event": "buy", "atLeast": 3, "days": 30}],
        ),
        ("where=buy&op=event_at_most&value=0", [{"event": "buy", "atMost": 0}]),
        ("where=buy&op=event_at_least&value=many", [{"event": "buy", "atLeast": "many"}]),
    ],
)
def test_fields_of_an_address_mean_a_filter(address: str, filters: Any) -> None:
    assert asked(address) == filters


@pytest.mark.parametrize(
    "filters",
    [
        [],
        [PLAN],
        [PLAN, AMOUNT, {"segment": "Buyers"}],
        [{"property": "plan", "value": "pro"}],
        [{"any": [PLAN, AMOUNT]}],
        [PLAN, {"any": [AMOUNT, SET]}],
        [{"any": [PLAN, AMOUNT]}, {"any": [SET, PLAN]}, {"segment": "Buyers"}],
        [{"any": [{"all": [PLAN, AMOUNT]}, {"all": [SET]}]}],
        [{"any": [{"all": [PLAN, AMOUNT]}, SET]}],
        [{"event": "buy"}],
        [{"event": "buy", "atLeast": 3, "days": 30}, {"event": "leave", "atMost": 0}],
    ],
)
def test_a_filter_of_the_form_is_read_and_written_unchanged(filters: Any) -> None:
    assert has_form(filters)
    read = MultiDict(conditions_of(filters).fields())
    again = asked_conditions(read).filters()
    assert has_form(again)
    if not any("event" in item for item in filters):
        segments = {"Buyers": parse_filters([SET], lambda name: None)}.get
        assert parse_filters(again, segments) is not None or not filters


@pytest.mark.parametrize(
    "filters",
    [
        [{"not": PLAN}],
        [{"property": "plan", "value": ["pro", "team"]}],
        [{"any": [{"segment": "Buyers"}, PLAN]}],
        [{"any": [{"all": [PLAN, {"any": [AMOUNT, SET]}]}, SET]}],
        [{"segment": "Buyers"}, {"segment": "Others"}],
        [{"any": [{"all": [PLAN, AMOUNT]}, SET]}, {"any": [SET, {"all": [PLAN, AMOUNT]}]}],
        [{"event": "buy", "filters": [PLAN]}],
        [{"event": "buy", "atLeast": 1, "atMost": 3}],
        [{"event": None, "atLeast": 3}],
    ],
)
def test_a_filter_that_the_form_cannot_show_is_known(filters: Any) -> None:
    assert not has_form(filters)


def test_more_adds_empty_rows_and_groups() -> None:
    conditions = conditions_of([PLAN])
    assert [[each.name for each in group.conditions] for group in conditions.shown("row")] == [
        ["plan", ""]
    ]
    assert [[each.name for each in group.conditions] for group in conditions.shown("group")] == [
        ["plan"],
        [""],
    ]
    assert len(conditions_of([]).shown()) == 1
