"""The bodies that clients of API v2 send."""

import datetime as dt
from typing import Annotated

from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter

from model.base_models import DeferredModel


class _Form(DeferredModel):
    model_config = ConfigDict(extra="ignore")


class PostedAlertForm(_Form):
    """An alert that a peer reports; the zero time of Go counts as missing."""

    labels: dict[str, str] = Field(min_length=1)
    annotations: dict[str, str] = Field(default_factory=dict)
    startsAt: AwareDatetime | None = None
    endsAt: AwareDatetime | None = None
    generatorURL: str = ""


class MatcherForm(_Form):
    """A matcher of a silence."""

    name: Annotated[str, Field(min_length=1)]
    value: str
    isRegex: bool
    isEqual: bool = True


class SilenceForm(_Form):
    """A new silence, or with `id` the change of one."""

    id: str = ""
    matchers: list[MatcherForm] = Field(min_length=1)
    startsAt: AwareDatetime
    endsAt: AwareDatetime
    createdBy: str
    comment: str
    annotations: dict[str, str] = Field(default_factory=dict)


class SilencePath(DeferredModel):
    """The id of a silence in a path."""

    uuid: str


POSTED_ALERTS = TypeAdapter(list[PostedAlertForm])


def time_ms(at: dt.datetime | None) -> int | None:
    """Return a time in milliseconds, None for none and for Go's zero time."""
    if at is None or at.year <= 1:
        return None
    return round(at.timestamp() * 1000)
