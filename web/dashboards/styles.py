"""How a panel shows its fields: styles, exceptions for some fields, and transformations.

A field is a series, or a column of a table. A style of None is that of the panel or its kind.
"""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from web.dashboards.parts import (
    Colour,
    DashboardPart,
    Decimals,
    Number,
    PanelLink,
    PanelThreshold,
    ShortText,
    Unit,
)

_LARGEST_OPTIONS: Final = 50_000
_DEEPEST: Final = 8
_Pattern = Annotated[str, StringConstraints(max_length=2000)]


class ValueMapping(DashboardPart):
    """A text and a colour in place of some values.

    Attributes:
        kind: `value` compares with `match`, `range` with `low` and `high`, `regex` matches the
            text, `special` is one of Grafana's: null, nan, null+nan, true, false, empty.
    """

    kind: Literal["value", "range", "regex", "special"] = "value"
    match: _Pattern = ""
    low: Number | None = None
    high: Number | None = None
    text: ShortText = ""
    color: Colour = ""


class Drawing(StrEnum):
    """How a series is drawn over time."""

    LINE = "line"
    BARS = "bars"
    POINTS = "points"


class Stacking(StrEnum):
    """Whether a series stands on those before it."""

    NONE = "none"
    NORMAL = "normal"
    PERCENT = "percent"


class FieldStyle(DashboardPart):
    """How a field is shown.

    Attributes:
        name: the title in place of the field's own, with variables.
        color: a fixed colour: a name of Grafana's, or one of CSS.
        percent: thresholds are percent of the range from `min` to `max`.
        fill: opacity below the line, in percent.
        width: of the line, in pixels.
        negative: drawn below zero; its texts keep their sign.
        stack_group: only fields of one group stand on each other; "A" if None.
        hidden: not drawn, and in a table no column.
        unlisted: not in the legend.
        right: has its axis on the right.
        cell: how a table shows the value.
        column_px: the width of its column.
    """

    name: ShortText | None = None
    unit: Unit | None = None
    decimals: Decimals | None = None
    min: Number | None = None
    max: Number | None = None
    soft_min: Number | None = None
    soft_max: Number | None = None
    color: Colour | None = None
    thresholds: Annotated[tuple[PanelThreshold, ...], Field(max_length=50)] | None = None
    percent: bool | None = None
    mappings: Annotated[tuple[ValueMapping, ...], Field(max_length=200)] | None = None
    links: Annotated[tuple[PanelLink, ...], Field(max_length=50)] | None = None
    draw: Drawing | None = None
    curve: Literal["linear", "smooth", "step-after", "step-before"] | None = None
    fill: Annotated[int, Field(ge=0, le=100)] | None = None
    width: Annotated[float, Field(ge=0, le=20)] | None = None
    dashed: bool | None = None
    span_gaps: bool | None = None
    negative: bool | None = None
    stacking: Stacking | None = None
    stack_group: ShortText | None = None
    hidden: bool | None = None
    unlisted: bool | None = None
    right: bool | None = None
    axis_label: ShortText | None = None
    log_base: Literal[2, 10] | None = None
    cell: Literal["text", "color-text", "color-background", "gauge"] | None = None
    align: Literal["left", "center", "right"] | None = None
    column_px: Annotated[int, Field(ge=1, le=5000)] | None = None


class StyleOverride(DashboardPart):
    """A style for the fields that match.

    Attributes:
        kind: what `match` is compared with: the field's name (several with `|names|`: one in each
            line), its name as a regular expression, its query's letter, or its type.
    """

    kind: Literal["name", "names", "regex", "query", "type"] = "name"
    match: Annotated[str, StringConstraints(max_length=10_000)] = ""
    style: FieldStyle = FieldStyle()


class TransformationKind(StrEnum):
    """A transformation, under Grafana's name."""

    CALCULATE = "calculateField"
    JOIN = "joinByField"
    ORGANIZE = "organize"
    GROUP = "groupBy"
    MERGE = "merge"
    SORT = "sortBy"
    FILTER_FIELDS = "filterFieldsByName"
    FILTER_QUERIES = "filterByRefId"
    REDUCE = "reduce"
    RENAME = "renameByRegex"
    LABELS = "labelsToFields"
    SERIES_TO_ROWS = "seriesToRows"
    LIMIT = "limit"


class PanelTransformation(DashboardPart):
    """A step between the results of the queries and the panel; `options` are Grafana's."""

    kind: TransformationKind
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _options_are_small(self) -> Self:
        if _size(self.options, 0) > _LARGEST_OPTIONS:
            raise ValueError(f"options: more than {_LARGEST_OPTIONS} characters, or nested deeper")
        return self


def _size(value: Any, depth: int) -> int:
    """Return about how many characters a JSON value takes."""
    if depth > _DEEPEST:
        return _LARGEST_OPTIONS + 1
    if isinstance(value, dict):
        return sum(len(str(key)) + 4 + _size(each, depth + 1) for key, each in value.items()) + 2
    if isinstance(value, list):
        return sum(_size(each, depth + 1) + 2 for each in value) + 2
    return len(str(value))
