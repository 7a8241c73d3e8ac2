"""The terms of an acknowledgement, from the body of a request or a form."""

from collections.abc import Mapping
from typing import Annotated

from aiohttp import web
from pydantic import ConfigDict, Field, model_validator

from model.base_models import DeferredModel
from storage.api.alerts import Acknowledgement
from web.alerts.silence_forms import read_duration
from web.http.errors import BadRequestError
from web.http.parameters import read_body


class AcknowledgementForm(DeferredModel):
    """The terms of an acknowledgement; without a body it ends with its alert.

    Attributes:
        comment: shown with the alert.
        duration_s: it ends after this; null for not before its alert.
        sticky: false if it ends with the next change of the alert's state.
    """

    model_config = ConfigDict(extra="forbid")

    comment: Annotated[str, Field(max_length=2000)] = ""
    duration_s: Annotated[float | None, Field(gt=0, le=366 * 86_400)] = None
    sticky: bool = True

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, value: object) -> object:
        return {} if value is None else value

    def terms(self, now_ms: int) -> Acknowledgement:
        """Return the terms of an acknowledgement that begins now."""
        until_ms = None
        if self.duration_s is not None:
            until_ms = now_ms + round(self.duration_s * 1000)
        return Acknowledgement(self.comment.strip(), until_ms, self.sticky)


async def read_acknowledgement(request: web.Request) -> AcknowledgementForm:
    """Return the body of a request, which may be empty.

    Raises:
        ValidationError: it is invalid.
    """
    return AcknowledgementForm.model_validate_json(await read_body(request) or b"null")


def acknowledgement_of(form: Mapping[str, str]) -> AcknowledgementForm:
    """Return the terms of an HTML form.

    Raises:
        BadRequestError: the duration is malformed or too long, or the comment too long.
    """
    duration = form.get("duration", "").strip()
    duration_s = read_duration(duration) / 1000 if duration else None
    if duration_s is not None and not 0 < duration_s <= 366 * 86_400:
        raise BadRequestError("duration: must be at most a year", "duration")
    if len(form.get("comment", "")) > 2000:
        raise BadRequestError("comment: must have at most 2000 characters", "comment")
    return AcknowledgementForm(
        comment=form.get("comment", ""),
        duration_s=duration_s,
        sticky=not form.get("until_change"),
    )
