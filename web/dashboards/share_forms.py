"""Bodies and parameters of shared dashboards."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from model.base_models import DeferredModel
from web.dashboards.forms import DashboardPath
from web.dashboards.parts import ChoiceText, VariableName
from web.dashboards.shares import SharedChoices
from web.http.parameters import DIGITS, Parameters

_LONGEST_S = 5 * 366 * 86_400
_LATEST_S = 253_402_300_799
_MOST_POINTS = 11_000


class _ShareForm(DeferredModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DashboardShareForm(_ShareForm):
    """A link for some days, and the values of variables that it shares."""

    days: Annotated[int, Field(ge=1, le=366)] = 30
    variables: SharedChoices = Field(default_factory=dict)


class SharedQueryForm(_ShareForm):
    """A query of a panel, by its letter, for a reader of a link.

    Attributes:
        panel, ref: the panel's id and the letter of its query.
        range: over the range, not only at its end.
        start, end, step: in seconds; the step is that of the panel's width.
        from_ms, to_ms: the range that the page shows, for `$__range`.
        values: chosen values of variables, by default all that the link shares.
    """

    panel: Annotated[int, Field(ge=0, le=2**53)]
    ref: Annotated[str, StringConstraints(max_length=100)]
    range: bool
    start: Annotated[float, Field(ge=0, le=_LATEST_S)] = 0
    end: Annotated[float, Field(ge=0, le=_LATEST_S)]
    step: Annotated[float, Field(ge=0.001, le=_LONGEST_S)]
    from_ms: Annotated[float, Field(ge=0, le=_LATEST_S * 1000)]
    to_ms: Annotated[float, Field(ge=0, le=_LATEST_S * 1000)]
    values: Annotated[
        dict[VariableName, Annotated[tuple[ChoiceText, ...], Field(max_length=1000)]],
        Field(max_length=100),
    ] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _range_is_bounded(self) -> Self:
        if self.range and not 0 <= self.end - self.start <= _LONGEST_S:
            raise ValueError("end: must be after start, by five years at most")
        if self.range and (self.end - self.start) / self.step > _MOST_POINTS:
            raise ValueError(f"step: more than {_MOST_POINTS} points")
        if not 0 <= self.to_ms - self.from_ms <= _LONGEST_S * 1000:
            raise ValueError("to_ms: must be after from_ms, by five years at most")
        return self


class DashboardSharePath(DashboardPath):
    """The uid and the number of a link in a path."""

    id: Annotated[int, Field(ge=1, le=2**53), DIGITS]


class SharedPath(Parameters):
    """The token of a link in a path."""

    token: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,200}$")]
