"""The definition of a dashboard: panels on a grid of 24 columns, their queries, and variables.

Definitions are stored as JSON of this model. Every list and text has a bound.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from model.base_models import DeferredModel

COLUMNS: Final = 24
MOST_PANELS: Final = 1000
MOST_QUERIES: Final = 50
_LOWEST_ROW: Final = 100_000
_TALLEST: Final = 200

Title = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)]
Description = Annotated[str, StringConstraints(max_length=10_000)]
ShortText = Annotated[str, StringConstraints(max_length=500)]
Expression = Annotated[str, StringConstraints(max_length=20_000)]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+$", max_length=100)]
Uid = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
TimeText = Annotated[
    str, StringConstraints(pattern=r"^(now([-+][0-9]{1,9}[smhdwMy])?(/[smhdwMy])?|[0-9]{1,15})$")
]
"""A time as Grafana writes it: `now-6h`, `now/d`, or Unix milliseconds."""
Refresh = Annotated[str, StringConstraints(pattern=r"^([0-9]{1,6}(ms|[smhd]))?$")]
"""How often a dashboard is read again; "" for only once."""
STEP_PATTERN: Final = r"^([<>]?=?([0-9]{1,6}(ms|[smhdw])|\$[A-Za-z0-9_]+|\$\{[A-Za-z0-9_]+\}))?$"
_Step = Annotated[str, StringConstraints(pattern=STEP_PATTERN)]
_Colour = Annotated[str, StringConstraints(max_length=50)]
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Value = Annotated[str, StringConstraints(max_length=2000)]


class PanelKind(StrEnum):
    """What a panel draws; UNSUPPORTED shows its queries as text."""

    TIME_SERIES = "timeseries"
    STAT = "stat"
    GAUGE = "gauge"
    BAR_GAUGE = "bargauge"
    TABLE = "table"
    HEAT_MAP = "heatmap"
    STATE_TIMELINE = "state-timeline"
    TEXT = "text"
    ROW = "row"
    UNSUPPORTED = "unsupported"


class VariableKind(StrEnum):
    """Where the values of a variable come from."""

    QUERY = "query"
    CUSTOM = "custom"
    INTERVAL = "interval"
    TEXT_BOX = "textbox"
    CONSTANT = "constant"
    DATA_SOURCE = "datasource"


class Reduction(StrEnum):
    """How the samples of a series become one number."""

    LAST = "last"
    FIRST = "first"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    COUNT = "count"
    RANGE = "range"


class _DashboardPart(DeferredModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PanelQuery(_DashboardPart):
    """A PromQL query of a panel, with variables; `step` is the shortest interval."""

    ref: Annotated[str, StringConstraints(max_length=100)] = "A"
    expr: Expression = ""
    legend: Annotated[str, StringConstraints(max_length=2000)] = ""
    step: _Step = ""
    instant: bool = False
    hidden: bool = False


class PanelThreshold(_DashboardPart):
    """The colour of values from here on; the first has no value and is for all below."""

    value: _Number | None = None
    color: _Colour = "green"


class PanelPlace(_DashboardPart):
    """Where a panel lies: its left column, its upper row, and its size in columns and rows."""

    x: Annotated[int, Field(ge=0, lt=COLUMNS)] = 0
    y: Annotated[int, Field(ge=0, le=_LOWEST_ROW)] = 0
    w: Annotated[int, Field(ge=1, le=COLUMNS)] = 12
    h: Annotated[int, Field(ge=1, le=_TALLEST)] = 8

    @model_validator(mode="after")
    def _ends_within_the_grid(self) -> Self:
        if self.x + self.w > COLUMNS:
            raise ValueError(f"x and w reach beyond the grid of {COLUMNS} columns")
        return self


class PanelLink(_DashboardPart):
    """A link of a panel or a dashboard; only addresses of the web are links on the page."""

    title: Title = ""
    url: Annotated[str, StringConstraints(max_length=2000)]


class DashboardPanel(_DashboardPart):
    """A panel. A row is a panel too: those after it, up to the next row, are in it.

    Attributes:
        unit: an id of Grafana's units, such as `bytes`.
        reduce: for panels that show one number of each series.
        percent: thresholds are percent of the range from `min` to `max`.
        repeat: the variable for each of whose values the panel or row is drawn once.
        repeat_down: below each other instead of beside each other.
        original: Grafana's type of an imported panel.
        unsupported: what of the imported panel is not drawn.
    """

    id: Annotated[int, Field(ge=0, le=2**53)] = 0
    kind: PanelKind = PanelKind.TIME_SERIES
    title: Title = ""
    description: Description = ""
    place: PanelPlace = PanelPlace()
    queries: Annotated[tuple[PanelQuery, ...], Field(max_length=MOST_QUERIES)] = ()
    unit: Annotated[str, StringConstraints(max_length=100)] = ""
    decimals: Annotated[int, Field(ge=0, le=20)] | None = None
    min: _Number | None = None
    max: _Number | None = None
    thresholds: Annotated[tuple[PanelThreshold, ...], Field(max_length=50)] = ()
    percent: bool = False
    reduce: Reduction = Reduction.LAST
    stacked: bool = False
    legend: bool = True
    text: Annotated[str, StringConstraints(max_length=100_000)] = ""
    collapsed: bool = False
    repeat: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]*$", max_length=100)] = ""
    repeat_down: bool = False
    links: Annotated[tuple[PanelLink, ...], Field(max_length=50)] = ()
    original: ShortText = ""
    unsupported: Annotated[tuple[ShortText, ...], Field(max_length=50)] = ()


class DashboardVariable(_DashboardPart):
    """A variable: `$name` in queries and titles stands for its value.

    Attributes:
        query: PromQL functions of Grafana such as `label_values(up, job)`, or the values.
        regex: picks and cuts the values of a query.
        all_value: what `All` stands for; "" for all values, joined.
        current: the values that are chosen at first; `$__all` is all.
        sort: Grafana's number of the order.
        hidden: whether the page shows no field for it.
    """

    name: VariableName
    kind: VariableKind = VariableKind.QUERY
    label: Title = ""
    query: Expression = ""
    regex: Annotated[str, StringConstraints(max_length=2000)] = ""
    multi: bool = False
    include_all: bool = False
    all_value: _Value = ""
    current: Annotated[tuple[_Value, ...], Field(max_length=1000)] = ()
    sort: Annotated[int, Field(ge=0, le=8)] = 0
    hidden: bool = False


class Dashboard(_DashboardPart):
    """A dashboard. Panels are in order of their rows; `format` is the version of this model."""

    format: Literal[1] = 1
    title: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    description: Description = ""
    tags: Annotated[tuple[Tag, ...], Field(max_length=50)] = ()
    start: TimeText = "now-6h"
    end: TimeText = "now"
    refresh: Refresh = ""
    variables: Annotated[tuple[DashboardVariable, ...], Field(max_length=100)] = ()
    panels: Annotated[tuple[DashboardPanel, ...], Field(max_length=MOST_PANELS)] = ()
    links: Annotated[tuple[PanelLink, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [variable.name for variable in self.variables]
        if len(set(names)) < len(names):
            raise ValueError("variables: two variables have the same name")
        return self

    @property
    def panel_count(self) -> int:
        """The number of panels without rows."""
        return sum(1 for panel in self.panels if panel.kind is not PanelKind.ROW)
