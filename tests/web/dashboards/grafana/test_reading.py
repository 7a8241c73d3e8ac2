"""Grafana's dashboards, as they are found in the wild, and hostile JSON."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from web.dashboards.definition import (
    Dashboard,
    DashboardPanel,
    DashboardVariable,
    PanelKind,
    PanelPlace,
    PanelQuery,
    Reduction,
    VariableKind,
)
from web.dashboards.grafana.reading import dashboard_of_grafana
from web.dashboards.grafana.writing import grafana_of
from web.dashboards.parts import PanelLink, PanelThreshold
from web.dashboards.styles import (
    Drawing,
    FieldStyle,
    PanelTransformation,
    Stacking,
    StyleOverride,
    TransformationKind,
    ValueMapping,
)
from web.http.errors import BadRequestError

FIELD: Final = Path(__file__).parents[5] / "shared" / "field" / "dashboards"
FILES: Final = sorted(FIELD.glob("*.json"))


def read(**fields: Any) -> Dashboard:
    return dashboard_of_grafana({"title": "T", **fields})[0]


@pytest.mark.skipif(not FILES, reason="the dashboards of the field are not here")
def test_every_dashboard_of_the_field_is_read_with_all_its_panels_and_queries() -> None:
    for path in FILES:
        source = json.loads(path.read_bytes())
        found, uid = dashboard_of_grafana(source)
        assert uid == source["uid"], path.name
        panels = [
            one
            for panel in source.get("panels", ())
            for one in (panel, *(panel.get("panels") or ()))
        ]
        panels += [panel for row in source.get("rows") or () for panel in row["panels"]]
        expected = [one for one in panels if one["type"] != "row"]
        assert found.panel_count == len(expected), path.name
        given = sorted(
            t["expr"] for one in expected for t in one.get("targets", ()) if t.get("expr")
        )
        assert sorted(q.expr for panel in found.panels for q in panel.queries) == given, path.name
        names = [one["name"] for one in source["templating"]["list"]]
        assert [one.name for one in found.variables] == names, path.name


@pytest.mark.skipif(not FILES, reason="the dashboards of the field are not here")
def test_exported_dashboard_of_the_field_is_read_as_the_same_one() -> None:
    for path in FILES:
        found, uid = dashboard_of_grafana(json.loads(path.read_bytes()))
        again, _ = dashboard_of_grafana(json.loads(json.dumps(grafana_of(found, uid, 1))))
        assert drawn(again) == drawn(found), path.name


def drawn(dashboard: Dashboard) -> list[DashboardPanel]:
    """Return the panels without what an export does not say."""
    forgotten = {"original": "", "unsupported": ()}
    return [panel.model_copy(update=forgotten) for panel in dashboard.panels]


links = st.lists(
    st.builds(
        PanelLink,
        title=st.sampled_from(["", "To $host"]),
        url=st.just("/d/x?var-a=${__field.labels.a}"),
        keep_time=st.booleans(),
        keep_variables=st.booleans(),
        new_tab=st.booleans(),
    )
    | st.builds(PanelLink, tags=st.just(["linux"])),
    max_size=2,
).map(tuple)
mappings = st.lists(
    st.builds(ValueMapping, match=st.sampled_from(["0", "x"]), text=st.just("Down"))
    | st.builds(
        ValueMapping, kind=st.just("range"), low=st.none() | st.floats(0, 5), color=st.just("red")
    )
    | st.builds(ValueMapping, kind=st.just("regex"), match=st.just("^a"))
    | st.builds(ValueMapping, kind=st.just("special"), match=st.just("null"), text=st.just("N/A")),
    max_size=3,
).map(tuple)
# What a panel's style may hold; `None` is Grafana's own default.
STYLES: Final = {
    "name": st.none() | st.just("${__field.labels.a}"),
    "color": st.none() | st.sampled_from(["red", "#052B51", "continuous-GrYlRd"]),
    "mappings": mappings.map(lambda found: found or None),
    "links": links.map(lambda found: found or None),
    "draw": st.none() | st.sampled_from(Drawing),
    "curve": st.none() | st.sampled_from(["smooth", "step-after", "step-before"]),
    "fill": st.none() | st.integers(0, 100),
    "width": st.none() | st.floats(0, 20),
    "dashed": st.none() | st.just(value=True),
    "span_gaps": st.none() | st.just(value=True),
    "negative": st.none() | st.just(value=True),
    "right": st.none() | st.just(value=True),
    "axis_label": st.none() | st.just("out (-)"),
    "soft_max": st.none() | st.floats(0, 9),
    "log_base": st.none() | st.sampled_from([2, 10]),
    "align": st.none() | st.just("left"),
    "column_px": st.none() | st.integers(1, 5000),
}
overrides = st.lists(
    st.builds(
        StyleOverride,
        kind=st.sampled_from(["name", "regex", "query", "type", "names"]),
        match=st.sampled_from(["A", "/x.*/", "a\nb", "!\na"]),
        style=st.builds(
            FieldStyle,
            **STYLES,
            unit=st.none() | st.just("bytes"),
            decimals=st.none() | st.integers(0, 5),
            min=st.none() | st.floats(-5, 5),
            stacking=st.none() | st.sampled_from(Stacking),
            hidden=st.none() | st.just(value=True),
            unlisted=st.none() | st.just(value=True),
            cell=st.none() | st.sampled_from(["text", "color-text", "color-background", "gauge"]),
        ),
    ),
    max_size=2,
).map(tuple)
transformations = st.lists(
    st.builds(
        PanelTransformation,
        kind=st.sampled_from(TransformationKind),
        options=st.just({"byField": "x", "sort": [{"field": "a", "desc": True}]}),
    ),
    max_size=2,
).map(tuple)
panels = st.builds(
    DashboardPanel,
    id=st.integers(1, 50),
    kind=st.sampled_from([k for k in PanelKind if k not in (PanelKind.ROW, PanelKind.UNSUPPORTED)]),
    title=st.text("abc$", max_size=5),
    place=st.builds(
        PanelPlace, x=st.integers(0, 11), y=st.just(0), w=st.integers(1, 12), h=st.integers(1, 20)
    ),
    queries=st.lists(
        st.builds(
            PanelQuery,
            ref=st.sampled_from("AB"),
            expr=st.sampled_from(["up", "rate(x[$__rate_interval])"]),
            legend=st.sampled_from(["", "{{job}}"]),
            step=st.sampled_from(["", "1m", ">30s", "$step"]),
            instant=st.booleans(),
            hidden=st.booleans(),
            table=st.booleans(),
        ),
        max_size=2,
        unique_by=lambda one: one.ref,
    ),
    style=st.builds(FieldStyle, **STYLES),
    overrides=overrides,
    transformations=transformations,
    legend_values=st.lists(st.sampled_from(Reduction), max_size=3, unique=True).map(tuple),
    legend_place=st.sampled_from(["bottom", "right"]),
    color_mode=st.sampled_from(["none", "value", "background"]),
    text_mode=st.sampled_from(["auto", "value", "value_and_name", "name", "none"]),
    sparkline=st.booleans(),
    all_rows=st.booleans(),
    links=links,
    unit=st.sampled_from(["", "bytes"]),
    decimals=st.none() | st.integers(0, 5),
    min=st.none() | st.floats(-10, 10),
    thresholds=st.lists(st.builds(PanelThreshold, value=st.floats(0, 9)), max_size=2).map(
        lambda rest: [PanelThreshold(value=None), *rest]
    ),
    percent=st.booleans(),
    reduce=st.sampled_from(Reduction),
    stacked=st.booleans(),
    legend=st.booleans(),
    text=st.text("# x", max_size=4),
    repeat=st.sampled_from(["", "host"]),
    repeat_down=st.booleans(),
)
variables = st.builds(
    DashboardVariable,
    name=st.sampled_from(["host", "job"]),
    kind=st.sampled_from(VariableKind),
    query=st.sampled_from(["a,b", "label_values(up, job)"]),
    multi=st.booleans(),
    include_all=st.booleans(),
    all_value=st.sampled_from(["", ".*"]),
    current=st.lists(st.sampled_from(["a", "$__all"]), max_size=2),
    hidden=st.booleans(),
)


@given(
    st.lists(panels, max_size=4, unique_by=lambda one: one.id),
    st.lists(variables, max_size=2, unique_by=lambda one: one.name),
)
def test_export_is_imported_without_loss(
    given_panels: list[DashboardPanel], given_variables: list[DashboardVariable]
) -> None:
    ordered = sorted(given_panels, key=lambda one: (one.place.y, one.place.x))
    before = Dashboard(title="T", panels=tuple(ordered), variables=tuple(given_variables))
    text = json.dumps(grafana_of(before, "u", 3))
    after, uid = dashboard_of_grafana(json.loads(text))
    assert uid == "u"
    for again, panel in zip(drawn(after), drawn(before), strict=True):
        assert again == panel
    assert after.variables[1:] == before.variables


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
FIELDS: Final = [
    "type",
    "gridPos",
    "targets",
    "fieldConfig",
    "options",
    "repeat",
    "panels",
    "yaxes",
    "transformations",
    "seriesOverrides",
    "aliasColors",
    "legend",
    "links",
    "valueMaps",
    "colors",
    "thresholds",
]
FIELDS_OF_ALL: Final = ["time", "tags", "templating", "rows", "refresh", "links", "uid"]


@given(
    st.dictionaries(st.sampled_from(FIELDS), json_values),
    st.dictionaries(st.sampled_from(FIELDS_OF_ALL), json_values),
)
def test_any_json_is_read_or_refused_with_its_field(
    panel: dict[str, Any], fields: dict[str, Any]
) -> None:
    try:
        dashboard_of_grafana({"title": "T", "panels": [panel], **fields})
    except ValidationError as exc:
        unnamed = [error for error in exc.errors() if not error["loc"]]
    else:
        unnamed = []
    assert unnamed == []


def test_huge_dashboard_is_refused_with_the_field() -> None:
    with pytest.raises(ValidationError, match="panels"):
        read(panels=[{"type": "stat"}] * 1001)
    with pytest.raises(ValidationError, match=r"panels\.0\.targets\.0\.expr"):
        read(panels=[{"targets": [{"expr": "x" * 20_001}]}])
    rows = [{"type": "row", "panels": [{"type": "stat"}] * 600}] * 2
    with pytest.raises(ValidationError, match="panels"):
        read(panels=rows)


def test_schema_of_version_2_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadRequestError, match="classic JSON") as refused:
        dashboard_of_grafana({"title": "T", "elements": {}})
    assert refused.value.field == "elements"


def test_rows_of_an_old_version_are_laid_out() -> None:
    found = read(
        rows=[
            {
                "title": "CPU",
                "height": "250px",
                "panels": [{"type": "graph", "span": 8}, {"span": 6}],
            },
            {"panels": [{"type": "singlestat", "format": "bytes", "valueName": "max"}]},
        ]
    )
    places = [(p.place.x, p.place.y, p.place.w, p.place.h) for p in found.panels]
    assert places == [(0, 0, 24, 1), (0, 1, 16, 7), (0, 8, 12, 7), (0, 15, 24, 7)]
    last = found.panels[-1]
    assert (last.kind, last.unit, last.reduce) == (PanelKind.STAT, "bytes", Reduction.MAX)


def test_collapsed_row_keeps_its_panels_behind_it() -> None:
    place = {"x": 0, "w": 12, "h": 4}
    found = read(
        panels=[
            {"id": 3, "type": "stat", "gridPos": {**place, "y": 9}},
            {
                "id": 1,
                "type": "row",
                "collapsed": True,
                "gridPos": {"x": 0, "y": 0, "w": 24, "h": 1},
                "panels": [{"id": 2, "type": "gauge", "gridPos": {**place, "y": 50}}],
            },
        ]
    )
    assert [(p.id, p.kind) for p in found.panels] == [
        (1, PanelKind.ROW),
        (2, PanelKind.GAUGE),
        (3, PanelKind.STAT),
    ]


def test_query_of_another_data_source_is_listed() -> None:
    found = read(
        panels=[{"type": "timeseries", "datasource": {"type": "loki"}, "targets": [{"expr": "{}"}]}]
    )
    assert found.panels[0].unsupported == ("data source loki",)


@pytest.mark.skipif(not FILES, reason="the dashboards of the field are not here")
def test_only_these_parts_of_the_field_are_not_drawn() -> None:
    missing: dict[str, set[str]] = {}
    for path in FILES:
        found, _ = dashboard_of_grafana(json.loads(path.read_bytes()))
        parts = {part for panel in found.panels for part in panel.unsupported}
        if parts:
            missing[path.name] = parts
    assert missing == {
        "gitlab-triage.json": {"series override fillBelowTo"},
        "mixin-traefik-traefikdash.json": {"query without PromQL"},
    }


def test_queries_without_a_letter_get_the_next_free_one() -> None:
    targets = [{"expr": "a"}, {"refId": "A", "expr": "b"}, {"expr": "c"}, {"expr": "d"}]
    found = read(panels=[{"type": "table", "targets": targets}])
    assert [query.ref for query in found.panels[0].queries] == ["B", "A", "C", "D"]


def test_overrides_mappings_and_styles_are_read() -> None:
    result = {"text": "Down", "color": "red"}
    custom = {"fillOpacity": 20, "stacking": {"mode": "percent"}, "pointSize": 5}
    found = read(
        panels=[
            {
                "type": "timeseries",
                "fieldConfig": {
                    "defaults": {
                        "mappings": [
                            {"type": "value", "options": {"0": result}},
                            {"type": "special", "options": {"match": "null", "result": result}},
                        ],
                        "custom": custom,
                    },
                    "overrides": [
                        {
                            "matcher": {"id": "byRegexp", "options": "/.*Trans.*/"},
                            "properties": [
                                {"id": "custom.transform", "value": "negative-Y"},
                                {"id": "color", "value": {"mode": "fixed", "fixedColor": "blue"}},
                                {"id": "custom.unheard", "value": 1},
                            ],
                        },
                        {"matcher": {"id": "byValue"}, "properties": []},
                    ],
                },
            }
        ]
    ).panels[0]
    assert found.style.mappings == (
        ValueMapping(match="0", text="Down", color="red"),
        ValueMapping(kind="special", match="null", text="Down", color="red"),
    )
    assert (found.style.fill, found.style.stacking) == (20, Stacking.PERCENT)
    style = FieldStyle(negative=True, color="blue")
    assert found.overrides == (StyleOverride(kind="regex", match="/.*Trans.*/", style=style),)
    assert found.unsupported == ("override custom.unheard", "override byValue")


def test_series_overrides_of_an_old_graph_are_read() -> None:
    series = [
        {"alias": "/last week/", "dashes": True, "fill": 0, "yaxis": 2, "zindex": 3},
        {"alias": "peak", "lines": False},
        "not an object",
    ]
    found = read(
        panels=[
            {
                "type": "graph",
                "fill": 2,
                "seriesOverrides": series,
                "aliasColors": {"peak": "#BF1B00"},
                "legend": {"values": True, "avg": True, "max": True, "rightSide": True},
            }
        ]
    ).panels[0]
    assert found.style.fill == 20
    assert found.overrides == (
        StyleOverride(match="peak", style=FieldStyle(color="#BF1B00")),
        StyleOverride(
            kind="regex", match="/last week/", style=FieldStyle(dashed=True, fill=0, right=True)
        ),
        StyleOverride(match="peak", style=FieldStyle(width=0)),
    )
    assert found.legend_values == (Reduction.MAX, Reduction.MEAN)
    assert found.legend_place == "right"


def test_options_of_a_transformation_have_a_bound() -> None:
    deep: dict[str, Any] = {}
    for _ in range(20):
        deep = {"a": deep}
    for options in ({"a": "x" * 60_000}, deep):
        found = read(
            panels=[{"type": "table", "transformations": [{"id": "merge", "options": options}]}]
        )
        assert found.panels[0].unsupported == ("transformation merge",)
