"""Bodies and parameters of `/api/annotations`."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from model.base_models import DeferredModel
from web.http.parameters import DIGITS, PageLength, Parameters

_LATEST_MS = 4_102_444_800_000
_Time = Annotated[int, Field(ge=0, lt=_LATEST_MS)]
_Tag = Annotated[str, StringConstraints(min_length=1, max_length=100)]
_Key = Annotated[str, StringConstraints(max_length=500)]


class AnnotationForm(DeferredModel):
    """A new annotation: a moment, by default now, or a range with `timeEnd`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    text: Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]
    time: _Time | None = None
    timeEnd: _Time | None = None
    tags: list[_Tag] = Field(default_factory=list, max_length=20)
    host: _Key = ""
    project: _Key = ""

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> "AnnotationForm":
        if self.timeEnd is not None and (self.time is None or self.timeEnd < self.time):
            raise ValueError("timeEnd needs a time that is not after it")
        return self


class AnnotationsQuery(Parameters):
    """A range in Unix milliseconds, by default the last seven days; and what it is about."""

    from_: Annotated[int | None, Field(alias="from", ge=0, lt=_LATEST_MS), DIGITS] = None
    to: Annotated[int | None, Field(ge=0, lt=_LATEST_MS), DIGITS] = None
    host: _Key | None = None
    project: _Key = ""
    tag: _Tag | None = None
    limit: PageLength = 100
