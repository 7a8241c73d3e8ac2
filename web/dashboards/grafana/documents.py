"""The part of Grafana's dashboard JSON that is read: old and new versions of its schema.

Null counts as missing, as in Grafana. Unknown fields are ignored.
"""

from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field, StringConstraints

from model.base_models import NullDefaultsModel
from web.dashboards.definition import MOST_PANELS, MOST_QUERIES
from web.dashboards.parts import Description, Expression

_Text = Annotated[str, StringConstraints(max_length=2000)]
_Number = Annotated[float, Field(allow_inf_nan=False)]


def _text_of_number(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _object_or_none(value: object) -> object:
    # PHP and Lua write an empty object as a list.
    return {} if value in ([], "") else value


def _number_or_none(value: object) -> object:
    """Return None for what is no number: old dashboards have "" and "auto"."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return value


def _list_or_none(value: object) -> object:
    return value if isinstance(value, list) else []


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _query_text(value: object) -> object:
    """Return the text of a variable's query, which newer versions put into an object."""
    if isinstance(value, dict):
        return value.get("query", "")
    return _text_of_number(value)


_LooseText = Annotated[_Text, BeforeValidator(_text_of_number)]
_LooseSwitch = Annotated[bool, BeforeValidator(bool)]
_LooseNumber = Annotated[_Number | None, BeforeValidator(_number_or_none)]


class GrafanaObject(NullDefaultsModel):
    """Base of all objects here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class GrafanaTarget(GrafanaObject):
    """A query of a panel."""

    refId: _LooseText = ""
    expr: Expression = ""
    legendFormat: _Text = ""
    interval: _LooseText = ""
    format: _Text = ""
    instant: bool = False
    range: bool = False
    hide: bool = False
    datasource: Any = None


class GrafanaPlace(GrafanaObject):
    """A place on the grid."""

    x: int = 0
    y: int = 0
    w: int = 12
    h: int = 8


class GrafanaStep(GrafanaObject):
    """A threshold."""

    value: _LooseNumber = None
    color: _Text = "green"


class GrafanaThresholds(GrafanaObject):
    """The thresholds of a panel."""

    mode: _Text = "absolute"
    steps: Annotated[tuple[GrafanaStep, ...], Field(max_length=50)] = ()


class GrafanaStacking(GrafanaObject):
    """How a graph is stacked."""

    mode: _Text = "none"


class GrafanaCustom(GrafanaObject):
    """Settings of one kind of panel; `styles.py` reads further fields."""

    model_config = ConfigDict(frozen=True, extra="allow")

    stacking: Annotated[GrafanaStacking, BeforeValidator(_object_or_none)] = GrafanaStacking()


class GrafanaDefaults(GrafanaObject):
    """How a panel shows its fields; `styles.py` reads further fields."""

    model_config = ConfigDict(frozen=True, extra="allow")

    unit: _Text = ""
    decimals: _LooseNumber = None
    min: _LooseNumber = None
    max: _LooseNumber = None
    thresholds: GrafanaThresholds = GrafanaThresholds()
    custom: Annotated[GrafanaCustom, BeforeValidator(_object_or_none)] = GrafanaCustom()


class GrafanaFieldConfig(GrafanaObject):
    """How a panel shows its fields, and exceptions."""

    defaults: Annotated[GrafanaDefaults, BeforeValidator(_object_or_none)] = GrafanaDefaults()
    overrides: tuple[Any, ...] = ()


class GrafanaReduction(GrafanaObject):
    """How a series becomes one number."""

    calcs: tuple[_Text, ...] = ()
    values: _LooseSwitch = False


class GrafanaLegend(GrafanaObject):
    """The legend of a graph: `show` in old versions, `showLegend` in new ones."""

    show: bool = True
    showLegend: bool = True
    displayMode: _Text = "list"
    placement: _Text = "bottom"
    calcs: tuple[_Text, ...] = ()
    # Of old versions:
    rightSide: _LooseSwitch = False
    values: _LooseSwitch = False
    min: _LooseSwitch = False
    max: _LooseSwitch = False
    avg: _LooseSwitch = False
    current: _LooseSwitch = False
    total: _LooseSwitch = False


class GrafanaSparkline(GrafanaObject):
    """The line behind an old single number."""

    show: bool = False


class GrafanaOptions(GrafanaObject):
    """The options of a panel's kind."""

    reduceOptions: Annotated[GrafanaReduction, BeforeValidator(_object_or_none)] = (
        GrafanaReduction()
    )
    legend: Annotated[GrafanaLegend, BeforeValidator(_object_or_none)] = GrafanaLegend()
    content: Annotated[str, StringConstraints(max_length=100_000)] = ""
    mode: _Text = ""
    colorMode: _LooseText = ""
    graphMode: _LooseText = ""
    textMode: _LooseText = ""
    tags: Annotated[tuple[_Text, ...], BeforeValidator(_list_or_none)] = ()
    dataLinks: Annotated[tuple[Any, ...], BeforeValidator(_list_or_none)] = ()


class GrafanaAxis(GrafanaObject):
    """An axis of an old graph."""

    format: _Text = ""
    min: _LooseNumber = None
    max: _LooseNumber = None


class GrafanaPanel(GrafanaObject):
    """A panel; of old versions too. `old_graphs.py` reads further fields of old graphs."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: Annotated[int, Field(ge=0, le=2**53)] = 0
    type: _Text = ""
    title: _LooseText = ""
    description: Description = ""
    gridPos: GrafanaPlace | None = None
    targets: Annotated[tuple[GrafanaTarget, ...], Field(max_length=MOST_QUERIES)] = ()
    fieldConfig: Annotated[GrafanaFieldConfig, BeforeValidator(_object_or_none)] = (
        GrafanaFieldConfig()
    )
    options: Annotated[GrafanaOptions, BeforeValidator(_object_or_none)] = GrafanaOptions()
    transformations: Annotated[tuple[Any, ...], Field(max_length=100)] = ()
    links: Annotated[tuple[Any, ...], Field(max_length=50)] = ()
    repeat: _Text = ""
    repeatDirection: _Text = "h"
    collapsed: bool = False
    interval: _LooseText = ""
    panels: Annotated["tuple[GrafanaPanel, ...]", Field(max_length=MOST_PANELS)] = ()
    libraryPanel: Any = None
    datasource: Any = None
    # Of old versions:
    span: _LooseNumber = None
    height: Any = None
    yaxes: tuple[GrafanaAxis, ...] = ()
    format: _LooseText = ""
    valueName: _Text = ""
    thresholds: Any = None
    decimals: _LooseNumber = None
    colors: Annotated[tuple[_LooseText, ...], BeforeValidator(_list_or_none)] = ()
    colorValue: _LooseSwitch = False
    colorBackground: _LooseSwitch = False
    sparkline: Annotated[GrafanaSparkline, BeforeValidator(_object_or_none)] = GrafanaSparkline()
    valueMaps: Annotated[tuple[Any, ...], BeforeValidator(_list_or_none)] = ()
    seriesOverrides: Annotated[tuple[Any, ...], BeforeValidator(_list_or_none)] = ()
    aliasColors: Any = None
    tags: Annotated[tuple[_Text, ...], BeforeValidator(_list_or_none)] = ()
    mode: _LooseText = ""
    stack: bool = False
    content: Annotated[str, StringConstraints(max_length=100_000)] = ""
    legend: Annotated[GrafanaLegend, BeforeValidator(_object_or_none)] = GrafanaLegend()


class GrafanaRow(GrafanaObject):
    """A row of an old version."""

    title: _LooseText = ""
    showTitle: bool = False
    collapse: bool = False
    height: Any = None
    repeat: _Text = ""
    panels: Annotated[tuple[GrafanaPanel, ...], Field(max_length=MOST_PANELS)] = ()


class GrafanaChoice(GrafanaObject):
    """The current value of a variable."""

    value: Annotated[
        tuple[Annotated[str, BeforeValidator(_text_of_number)], ...], BeforeValidator(_listed)
    ] = ()


class GrafanaVariable(GrafanaObject):
    """A variable."""

    name: _Text
    type: _Text = "query"
    label: _Text = ""
    query: Annotated[Expression, BeforeValidator(_query_text)] = ""
    regex: _Text = ""
    multi: bool = False
    includeAll: bool = False
    allValue: _LooseText = ""
    current: Annotated[GrafanaChoice, BeforeValidator(_object_or_none)] = GrafanaChoice()
    sort: int = 0
    hide: int = 0


class GrafanaTemplating(GrafanaObject):
    """The variables."""

    variables: Annotated[
        tuple[GrafanaVariable, ...], Field(validation_alias=AliasChoices("list"), max_length=100)
    ] = ()


class GrafanaTimes(GrafanaObject):
    """The range of a dashboard."""

    from_: Annotated[_LooseText, Field(alias="from")] = "now-6h"
    to: _LooseText = "now"


class GrafanaDashboard(GrafanaObject):
    """A dashboard, as Grafana exports it."""

    uid: _LooseText = ""
    title: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    description: Description = ""
    tags: Annotated[tuple[_Text, ...], Field(max_length=50)] = ()
    time: Annotated[GrafanaTimes, BeforeValidator(_object_or_none)] = GrafanaTimes()
    refresh: _Text | bool = ""
    templating: Annotated[GrafanaTemplating, BeforeValidator(_object_or_none)] = GrafanaTemplating()
    panels: Annotated[tuple[GrafanaPanel, ...], Field(max_length=MOST_PANELS)] = ()
    rows: Annotated[tuple[GrafanaRow, ...], Field(max_length=MOST_PANELS)] = ()
    links: Annotated[tuple[Any, ...], Field(max_length=50)] = ()
