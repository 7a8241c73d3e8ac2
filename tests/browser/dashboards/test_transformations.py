"""Transformations, styles and values of panels: the modules of the page in a real browser."""

from typing import Any

import pytest
from playwright.async_api import Page

from web.dashboards.interpolation import VariableValues, interpolated

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CALL = """async ([module, name, args]) => (await import(`/static/${module}`))[name](...args)"""
INTERPOLATE = """async ([text, scope]) => (await import("/static/dashboards/variables.js"))
    .interpolate(text, new Map(scope), "promql")"""


@pytest.fixture
def first_page() -> str:
    return "/dashboards"


@pytest.fixture
def demo(page: Page, url: str) -> Page:
    assert page.url.startswith(url)
    return page


async def call(page: Page, module: str, name: str, *args: Any) -> Any:
    return await page.evaluate(CALL, [f"dashboards/{module}", name, list(args)])


def column(name: str, values: list[Any], kind: str = "number", ref: str = "A") -> dict[str, Any]:
    return {"name": name, "type": kind, "values": values, "labels": {}, "ref": ref}


def frame(*fields: dict[str, Any], ref: str = "A") -> dict[str, Any]:
    return {"ref": ref, "fields": list(fields)}


async def transformed(page: Page, frames: list[Any], *steps: tuple[str, Any]) -> list[Any]:
    """Return the names and values of each frame after the steps."""
    given = [{"kind": kind, "options": options} for kind, options in steps]
    found = await call(page, "transformations.js", "transformed", frames, given)
    return [{each["name"]: each["values"] for each in one["fields"]} for one in found]


async def test_tables_are_joined_calculated_and_organised(demo: Page) -> None:
    mount = column("mountpoint", ["/", "/srv"], "string")
    size = frame(column("Time", [9, 9], "time"), mount, column("Value #A", [10, 40]))
    free = frame(column("Time", [9, 9], "time"), mount, column("Value #B", [4, 30], ref="B"))
    binary = {"left": "Value #A", "operator": "-", "right": "Value #B"}
    joined = await transformed(
        demo,
        [size, free],
        ("joinByField", {"byField": "mountpoint"}),
        ("calculateField", {"mode": "binary", "alias": "Used", "binary": binary}),
        (
            "organize",
            {
                "excludeByName": {"Time 1": True, "Time 2": True},
                "indexByName": {"Used": 0},
                "renameByName": {"mountpoint": "Mounted on"},
            },
        ),
        ("sortBy", {"sort": [{"field": "Used", "desc": True}]}),
    )
    expected = {
        "Used": [10, 6],
        "Mounted on": ["/srv", "/"],
        "Value #A": [40, 10],
        "Value #B": [30, 4],
    }
    assert joined == [expected]
    assert next(iter(joined[0])) == "Used"


async def test_groups_are_merged_and_reduced(demo: Page) -> None:
    groups = {
        "host": {"operation": "groupby"},
        "Value": {"operation": "aggregate", "aggregations": ["sum", "lastNotNull"]},
    }
    rows = frame(column("host", ["a", "b", "a"], "string"), column("Value", [1, 2, 3]))
    other = frame(column("host", ["a", "b"], "string"), column("Cores", [4, 8]), ref="B")
    assert await transformed(demo, [rows], ("groupBy", {"fields": groups})) == [
        {"host": ["a", "b"], "Value (sum)": [4, 2], "Value (lastNotNull)": [3, 2]}
    ]
    assert await transformed(demo, [rows, other], ("merge", {})) == [
        {"host": ["a", "b"], "Value": [3, 2], "Cores": [4, 8]}
    ]
    times = column("Time", [1, 2], "time")
    series = [frame(times, column("x", [1, 3])), frame(times, column("y", [5, 7]))]
    reduced = ("reduce", {"reducers": ["mean", "max"]})
    assert await transformed(demo, series, reduced) == [
        {"Field": ["x", "y"], "Mean": [2, 6], "Max": [3, 7]}
    ]
    total = {"mode": "reduceRow", "reduce": {"reducer": "sum"}, "replaceFields": True}
    assert await transformed(demo, series, ("calculateField", total)) == [
        {"Time": [1, 2], "Total": [6, 10]}
    ]


KINDS = (
    *("calculateField", "joinByField", "organize", "groupBy", "merge", "sortBy", "reduce"),
    *("filterFieldsByName", "filterByRefId", "renameByRegex", "labelsToFields"),
    *("seriesToRows", "limit"),
)
HOSTILE_OPTIONS: tuple[Any, ...] = (
    *({}, [], None, "x", 3),
    {"fields": 3, "sort": "x", "include": {"pattern": "["}, "exclude": {"pattern": 7}, "mode": []},
    {"sort": [None], "byField": {}, "limitField": -1, "regex": "(", "renamePattern": {}},
    {"sort": [3], "byField": 5, "limitField": 1.5, "include": "[", "reducers": [3, None, {}]},
    {"alias": {"a": 1}, "reduce": {"reducer": {}, "include": 1}, "limitField": "many"},
    {
        "mode": "binary",
        "binary": {"left": None, "right": {"matcher": None}, "operator": "constructor"},
    },
    {"mode": "reduceFields", "reducers": ["constructor"], "reduce": {"reducer": "__proto__"}},
    {
        "fields": {
            "a": {"operation": "groupby"},
            "Value": {"operation": "aggregate", "aggregations": [3]},
        }
    },
    {"renameByName": {"a": {"b": 1}}, "indexByName": {"a": "x"}, "excludeByName": [1]},
)


async def test_hostile_options_leave_tables_of_texts_and_numbers(demo: Page) -> None:
    rows = frame(
        column("Time", [1, 2], "time"),
        column("a", ["x", "y"], "string"),
        column("Value", [1, 2]),
    )
    kept = {"x", "y", None, "Value", "a"}
    for kind in KINDS:
        for options in HOSTILE_OPTIONS:
            steps = [{"kind": kind, "options": options}]
            found = await call(demo, "transformations.js", "transformed", [rows], steps)
            place = (kind, options)
            for table in found:
                assert all(isinstance(each["name"], str) for each in table["fields"]), place
                assert len({len(each["values"]) for each in table["fields"]}) <= 1, place
                cells = [value for each in table["fields"] for value in each["values"]]
                assert len(cells) <= 12, place
                assert all(isinstance(each, int | float) or each in kept for each in cells), place


async def test_options_that_say_nothing_leave_the_table_as_it_is(demo: Page) -> None:
    rows = frame(column("a", ["x"], "string"), column("Value", [1]))
    same = [{"a": ["x"], "Value": [1]}]
    for kind in set(KINDS) - {"calculateField", "groupBy", "reduce", "seriesToRows"}:
        assert await transformed(demo, [rows], (kind, {})) == same, kind
    assert await transformed(demo, [rows], ("limit", {"limitField": -1})) == same
    assert await transformed(demo, [rows], ("sortBy", {"sort": [None]})) == same


async def test_fields_may_be_called_like_parts_of_an_object(demo: Page) -> None:
    names = ("constructor", "__proto__", "toString")
    rows = frame(*(column(name, [at]) for at, name in enumerate(names)))
    kept = ("organize", {"renameByName": {"toString": "text"}, "excludeByName": {"a": True}})
    assert await transformed(demo, [rows], kept) == [
        {"constructor": [0], "__proto__": [1], "text": [2]}
    ]
    assert await transformed(demo, [rows], ("groupBy", {"fields": {"a": {}}})) == []
    calculated = ("reduce", {"reducers": ["constructor"]})
    assert await transformed(demo, [rows], calculated) == [
        {"Field": [*names], "constructor": [0, 1, 2]}
    ]
    assert await demo.evaluate("({}).polluted") is None


async def test_style_of_a_field_is_the_panels_with_its_overrides(demo: Page) -> None:
    panel: dict[str, Any] = {"unit": "bytes", "decimals": None, "min": 0, "max": None}
    panel |= {"thresholds": [], "percent": False, "style": {"fill": 20, "color": None}}
    panel["overrides"] = [
        {"kind": "regex", "match": "/Trans/", "style": {"negative": True, "unit": None}},
        {"kind": "names", "match": "!\na", "style": {"color": "red"}},
        {"kind": "query", "match": "B", "style": {"unit": "s"}},
    ]
    for field, expected in (
        ({"name": "Transmitted", "ref": "A"}, {"negative": True, "color": "red", "unit": "bytes"}),
        ({"name": "a", "ref": "B"}, {"unit": "s", "fill": 20}),
    ):
        found = await call(demo, "fields.js", "styleOf", panel, field)
        assert {name: found[name] for name in expected} == expected
    assert "color" not in await call(demo, "fields.js", "styleOf", panel, {"name": "a", "ref": ""})


async def test_values_are_mapped_and_coloured(demo: Page) -> None:
    mappings = [
        {"kind": "value", "match": "0", "text": "Down", "color": "red"},
        {"kind": "range", "low": 1, "high": 2, "text": "", "color": "green"},
        {"kind": "special", "match": "null", "text": "N/A", "color": ""},
        {"kind": "regex", "match": "/^v/", "text": "version", "color": ""},
    ]
    style = {"unit": "none", "decimals": None, "thresholds": [], "mappings": mappings}
    for value, expected in (
        (0, {"text": "Down", "colour": "red"}),
        (1.5, {"text": "1.5", "colour": "green"}),
        (3, {"text": "3", "colour": None}),
        (None, {"text": "N/A", "colour": None}),
        ("v2", {"text": "version", "colour": None}),
    ):
        assert await call(demo, "fields.js", "shownValue", style, value) == expected, value


async def test_buckets_of_several_hosts_are_one_heat_map(demo: Page) -> None:
    def bucket(bound: str, values: list[float | None]) -> dict[str, Any]:
        return {"metric": {"le": bound}, "name": bound, "values": values}

    hosts = [bucket("+Inf", [5, 6]), bucket("1", [2, None]), bucket("1", [1, 3])]
    panel = {"unit": "s", "decimals": None}
    rows = await call(demo, "timelines.js", "bucketRows", panel, [{"series": hosts}])
    assert [(row["name"], row["values"]) for row in rows] == [("∞", [2, 3]), ("1 s", [3, 3])]


async def test_page_and_server_interpolate_alike(demo: Page) -> None:
    text = (
        'a{x="$one",y=~"$many",z=~"$all"} ${many:pipe} ${many:csv} ${many:json} ${one:raw}'
        " ${many:percentencode} ${many:doublequote} [[one]] ${many:glob} $none ${all:text}"
    )
    values = ['a.b"c', "d\\e ü"]
    scope = [
        ["one", {"values": values[:1], "isList": False, "all": ""}],
        ["many", {"values": values, "isList": True, "all": ""}],
        ["all", {"values": values, "isList": True, "all": ".*"}],
    ]
    ours = {
        "one": VariableValues(tuple(values[:1])),
        "many": VariableValues(tuple(values), is_list=True),
        "all": VariableValues(tuple(values), is_list=True, all_text=".*"),
    }
    assert await demo.evaluate(INTERPOLATE, [text, scope]) == interpolated(text, ours)


async def test_links_lead_to_the_web_only(demo: Page) -> None:
    found = await demo.evaluate(
        """async () => {
            const { linkTo } = await import("/static/dashboards/links.js");
            const context = { scope: new Map(), times: { start: "now-1h", end: "now" },
                chosen: new Map([["host", ["a&b"]]]) };
            const field = { name: "x", labels: { instance: "web 1" } };
            const urls = ["javascript:alert(1)", "//example.org", "/\\\\example.org", "data:,x",
                "/d/x?${host:queryparam}&i=${__field.labels.instance}", "d/y?${__url_time_range}"];
            return urls.map(url => linkTo({ url, title: "t" }, context, field)
                .getAttribute("href"));
        }"""
    )
    assert found == [
        *(None, None, None, None),
        "/d/x?var-host=a%26b&i=web%201",
        "/d/y?from=now-1h&to=now",
    ]
