"""The definition of a dashboard: panels on a grid of 24 columns, their queries, and variables.

Definitions are stored as JSON of this model. Every list and text has a bound.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from web.dashboards.parts import (
    ChoiceText,
    DashboardPart,
    Decimals,
    Description,
    Expression,
    Number,
    PanelLink,
    PanelThreshold,
    Refresh,
    ShortText,
    StepText,
    Tag,
    TimeText,
    Title,
    Unit,
    VariableName,
)
from web.dashboards.styles import FieldStyle, PanelTransformation, StyleOverride

COLUMNS: Final = 24
MOST_PANELS: Final = 1000
MOST_QUERIES: Final = 50
_LOWEST_ROW: Final = 100_000
_TALLEST: Final = 200


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
    ALERT_LIST = "alertlist"
    DASHBOARD_LIST = "dashlist"
    EVENTS = "events"
    PIE = "piechart"
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
    DELTA = "delta"
    DIFFERENCE = "diff"


class PanelQuery(DashboardPart):
    """A PromQL query of a panel, with variables.

    Attributes:
        step: the shortest interval.
        table: the result is one table with a column for each label, not a column for each series.
    """

    ref: Annotated[str, StringConstraints(max_length=100)] = "A"
    expr: Expression = ""
    legend: Annotated[str, StringConstraints(max_length=2000)] = ""
    step: StepText = ""
    instant: bool = False
    hidden: bool = False
    table: bool = False


class PanelPlace(DashboardPart):
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


class DashboardPanel(DashboardPart):
    """A panel. A row is a panel too: those after it, up to the next row, are in it.

    Attributes:
        unit: an id of Grafana's units, such as `bytes`.
        reduce: for panels that show one number of each series.
        percent: thresholds are percent of the range from `min` to `max`.
        legend_values: reductions that the legend shows of each series.
        style: of all fields; `overrides` come after it. Unit, decimals, range and thresholds of
            all fields are the panel's own.
        color_mode: what of a number has the colour of its threshold.
        text_mode: whether a number stands with its name.
        sparkline: draws the series behind its number.
        all_rows: shows each row of a table as a number, not one number of each column.
        text: Markdown of a text panel; the tags, one in a line, of a list of dashboards; the
            project's key of a list of events.
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
    unit: Unit = ""
    decimals: Decimals | None = None
    min: Number | None = None
    max: Number | None = None
    thresholds: Annotated[tuple[PanelThreshold, ...], Field(max_length=50)] = ()
    percent: bool = False
    reduce: Reduction = Reduction.LAST
    stacked: bool = False
    legend: bool = True
    legend_values: Annotated[tuple[Reduction, ...], Field(max_length=20)] = ()
    legend_place: Literal["bottom", "right"] = "bottom"
    style: FieldStyle = FieldStyle()
    overrides: Annotated[tuple[StyleOverride, ...], Field(max_length=200)] = ()
    transformations: Annotated[tuple[PanelTransformation, ...], Field(max_length=50)] = ()
    color_mode: Literal["none", "value", "background"] = "value"
    text_mode: Literal["auto", "value", "value_and_name", "name", "none"] = "auto"
    sparkline: bool = False
    all_rows: bool = False
    text: Annotated[str, StringConstraints(max_length=100_000)] = ""
    collapsed: bool = False
    repeat: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]*$", max_length=100)] = ""
    repeat_down: bool = False
    links: Annotated[tuple[PanelLink, ...], Field(max_length=50)] = ()
    original: ShortText = ""
    unsupported: Annotated[tuple[ShortText, ...], Field(max_length=50)] = ()


class DashboardVariable(DashboardPart):
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
    all_value: ChoiceText = ""
    current: Annotated[tuple[ChoiceText, ...], Field(max_length=1000)] = ()
    sort: Annotated[int, Field(ge=0, le=8)] = 0
    hidden: bool = False


class Dashboard(DashboardPart):
    """A dashboard. Panels are in order of their rows; `format` is the version of this model."""

    format: Literal[1] = 1
    title: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    description: Description = ""
    tags: Annotated[tuple[Tag, ...], Field(max_length=50)] = ()
    start: TimeText = "now-1h"
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
