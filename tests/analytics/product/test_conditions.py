from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.errors import ReportError
from analytics.product.conditions import (
    DEEPEST,
    MOST_ITEMS,
    mentions_segment,
    parse_filters,
    parse_segment,
)
from storage.api.events import FUTURE_TOLERANCE_MS
from storage.api.reports.conditions import (
    AllOf,
    AnyOf,
    EventFilter,
    Not,
    Operator,
    PersonEvents,
    PersonValue,
    PropertyCondition,
)

BUYERS = PersonEvents(0, 1, "buy")
BERLIN = ZoneInfo("Europe/Berlin")


def lookup(name: str) -> EventFilter | None:
    return BUYERS if name == "Buyers" else None


def test_a_list_holds_if_all_its_conditions_hold() -> None:
    filters = [
        {"property": "plan", "value": ["pro", "team"]},
        {"any": [{"segment": "Buyers"}, {"not": {"property": "n", "operator": "is_set"}}]},
    ]
    assert parse_filters(filters, lookup) == AllOf(
        (
            PropertyCondition("plan", Operator.EQUALS, ("pro", "team")),
            AnyOf((BUYERS, Not(PropertyCondition("n", Operator.IS_SET)))),
        )
    )
    assert parse_filters(None, lookup) is None
    assert parse_filters([], lookup) is None


@pytest.mark.parametrize(
    ("filters", "field", "reason"),
    [
        ("plan", "filters", "must be a condition"),
        ([{"property": "plan"}], "filters[0].value", "is missing"),
        ([{"property": "", "value": 1}], "filters[0].property", "not empty"),
        ([{"property": "n", "operator": "above", "value": 1}], "filters[0].operator", "one of"),
        ([{"property": "n", "operator": "greater", "value": "1"}], "filters[0].value", "a number"),
        ([{"property": "n", "operator": "less", "value": True}], "filters[0].value", "a number"),
        ([{"property": "n", "operator": "contains", "value": 1}], "filters[0].value", "a text"),
        ([{"property": "n", "operator": "is_set", "value": 1}], "filters[0].value", "no value"),
        ([{"property": "n", "value": {}}], "filters[0].value", "must be a text"),
        ([{"property": "n", "value": 10**400}], "filters[0].value", "64-bit"),
        ([{"property": "n", "value": float("nan")}], "filters[0].value", "64-bit"),
        ([{"property": "n", "value": 1, "name": 2}], "filters[0].name", "unknown"),
        ({"all": [{"any": 1}]}, "filters.all[0].any", "a list"),
        ({"any": [{"segment": "Payers"}]}, "filters.any[0].segment", "no segment 'Payers'"),
        ([{"value": 1}], "filters[0]", "needs property"),
    ],
)
def test_an_invalid_filter_names_the_field(filters: Any, field: str, reason: str) -> None:
    with pytest.raises(ReportError, match=reason) as caught:
        parse_filters(filters, lookup)
    assert caught.value.field == field


def test_filters_are_bounded() -> None:
    deep: Any = {"property": "n", "value": 1}
    for _ in range(DEEPEST - 1):
        deep = {"not": deep}
    assert parse_filters(deep, lookup) is not None
    with pytest.raises(ReportError, match="nested more than"):
        parse_filters({"not": deep}, lookup)
    endless: Any = []
    for _ in range(2000):
        endless = [endless]
    assert not mentions_segment(endless)
    with pytest.raises(ReportError, match="nested more than"):
        parse_filters(endless, lookup)
    # A segment is found as deep as a filter may be.
    deepest: Any = {"segment": "Buyers"}
    for _ in range(DEEPEST - 1):
        deepest = {"any": [deepest]}
    assert mentions_segment(deepest)
    assert parse_filters(deepest, lookup) is not None
    one = {"property": "n", "value": 1}
    with pytest.raises(ReportError, match=f"more than {MOST_ITEMS} conditions"):
        parse_filters([[one] * 60, [one] * 60], lookup)


def test_a_segment_counts_what_persons_did_since_a_local_date() -> None:
    now = datetime(2026, 3, 29, 12, tzinfo=BERLIN)
    now_ms = round(now.timestamp() * 1000)
    definition = [
        {"event": "buy", "atLeast": 3, "days": 1, "filters": [{"property": "n", "value": 1}]},
        {"event": None, "atMost": 2},
        {"property": "plan", "value": "pro"},
        {"property": "person.plan", "value": "pro"},
    ]
    # The clocks change on this day: yesterday begins 35 hours before noon.
    start_ms = now_ms - 35 * 3_600_000
    end_ms = now_ms + FUTURE_TOLERANCE_MS
    one = PropertyCondition("n", Operator.EQUALS, (1,))
    assert parse_segment(definition, BERLIN, now_ms) == AllOf(
        (
            PersonEvents(start_ms, end_ms, "buy", AllOf((one,)), 3),
            PersonEvents(-(2**53), end_ms, None, None, 0, 2),
            PersonValue(PropertyCondition("plan", Operator.EQUALS, ("pro",))),
            PropertyCondition("person.plan", Operator.EQUALS, ("pro",)),
        )
    )


@pytest.mark.parametrize(
    ("definition", "field"),
    [
        ([], "definition"),
        ({"event": "buy", "atLeast": 3, "atMost": 2}, "definition.atMost"),
        ({"event": "buy", "atLeast": -1}, "definition.atLeast"),
        ({"event": "buy", "days": 0}, "definition.days"),
        ({"event": "buy", "often": 1}, "definition.often"),
        ({"event": 1}, "definition.event"),
        ({"segment": "Buyers"}, "definition"),
        ({"event": "buy", "filters": [{"segment": "Buyers"}]}, "definition.filters[0].segment"),
    ],
)
def test_an_invalid_segment_names_the_field(definition: Any, field: str) -> None:
    with pytest.raises(ReportError) as caught:
        parse_segment(definition, BERLIN, 0)
    assert caught.value.field == field


KEYS = st.sampled_from(
    ["property", "operator", "value", "segment", "all", "any", "not", "event", "atLeast", "filters"]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["equals", "is_set", "matches", "Buyers", ""]),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(KEYS, inside, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_a_condition_or_an_error_with_a_field(document: Any) -> None:
    mentions_segment(document)
    fields = []
    try:
        parse_filters(document, lookup)
    except ReportError as error:
        fields.append(error.field)
    try:
        parse_segment(document, BERLIN, 0)
    except ReportError as error:
        fields.append(error.field)
    assert all(field.startswith(("filters", "definition")) for field in fields)
