"""The bounded texts and numbers of a dashboard's definition, and the base of its models."""

from typing import Annotated, Final

from pydantic import ConfigDict, Field, StringConstraints

from model.base_models import DeferredModel

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
StepText = Annotated[str, StringConstraints(pattern=STEP_PATTERN)]
Colour = Annotated[str, StringConstraints(max_length=50)]
Unit = Annotated[str, StringConstraints(max_length=100)]
Decimals = Annotated[int, Field(ge=0, le=20)]
Number = Annotated[float, Field(allow_inf_nan=False)]
ChoiceText = Annotated[str, StringConstraints(max_length=2000)]


class DashboardPart(DeferredModel):
    """Base of the models of a definition."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PanelLink(DashboardPart):
    """A link of a panel, a field or a dashboard; only addresses of the web are links on the page.

    Attributes:
        url: with variables, such as `/dashboards/node?var-host=${__field.labels.instance}`.
        tags: links to all dashboards that have each of these tags, in place of `url`.
        keep_time: adds the dashboard's times to the address.
        keep_variables: adds the values of its variables.
        new_tab: opens in a new tab.
    """

    title: Title = ""
    url: Annotated[str, StringConstraints(max_length=2000)] = ""
    tags: Annotated[tuple[Tag, ...], Field(max_length=50)] = ()
    keep_time: bool = False
    keep_variables: bool = False
    new_tab: bool = False


class PanelThreshold(DashboardPart):
    """The colour of values from here on; the first has no value and is for all below."""

    value: Number | None = None
    color: Colour = "green"
