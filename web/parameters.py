"""Reading requests: bodies into models, query parameters into numbers."""

from collections.abc import Mapping
from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from web.errors import BadRequestError

Model = TypeVar("Model", bound=BaseModel)

LARGEST_ID = 2**63 - 1
"""SQLite's; a larger number in a URL is no record."""


def _digits(value: object) -> object:
    # Stricter than int(), which takes "1_000" and " 7".
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("must be a whole number")
    return value


Whole = Annotated[int, BeforeValidator(_digits)]
"""A whole number that comes as text."""

RecordId = Annotated[Whole, Field(ge=1, le=LARGEST_ID)]


class Parameters(BaseModel):
    """Parameters of a query or path; those that it does not know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class RecordPath(Parameters):
    """A path with a record's id."""

    id: RecordId


class Paging(Parameters):
    """One page of a list; `before_id` is the last id of the page before."""

    limit: Whole = Field(default=100, ge=1, le=1000)
    before_id: RecordId | None = None


P = TypeVar("P", bound=Parameters)


def read_query(request: web.Request, model: type[P]) -> P:
    """Return the query's parameters; an empty one counts as missing.

    Raises:
        ValidationError: one does not fit.
    """
    return model.model_validate({name: value for name, value in request.query.items() if value})


def record_id(request: web.Request) -> int:
    """Return the path's record id.

    Raises:
        ValidationError: it is no number.
    """
    return RecordPath.model_validate(dict(request.match_info)).id


async def read_body(request: web.Request) -> bytes:
    """Return the whole body.

    Raises:
        BadRequestError: it is not what its `Content-Encoding` says.
        web.HTTPRequestEntityTooLarge: it is larger than the server takes.
    """
    try:
        return await request.read()
    except web.RequestPayloadError as exc:
        raise BadRequestError("the body is not in the encoding that its header names") from exc


async def read_json(request: web.Request, model: type[Model]) -> Model:
    """Return the JSON body as `model`.

    Raises:
        BadRequestError: as `read_body`.
        ValidationError: it is no JSON, or does not fit the model.
    """
    return model.model_validate_json(await read_body(request))


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the fields of an HTML form, the last of each name; files are ignored.

    Raises:
        BadRequestError: as `read_body`, or the body is no form.
    """
    await read_body(request)
    if request.body_exists and request.content_type != "application/x-www-form-urlencoded":
        # Multipart bodies would be written to temporary files; no form of ours sends any.
        raise BadRequestError("send the form as application/x-www-form-urlencoded")
    try:
        fields = await request.post()
    except (ValueError, LookupError) as exc:
        raise BadRequestError("the body is not a form") from exc
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def read_integer(
    values: Mapping[str, str], name: str, default: int, low: int = 1, high: int = LARGEST_ID
) -> int:
    """Return a whole number among `values`, `default` where it is missing or empty.

    Raises:
        BadRequestError: it is no number, or not from `low` to `high`.
    """
    text = values.get(name, "")
    if not text:
        return default
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
    if number is None or not low <= number <= high:
        raise BadRequestError(f"{name}: must be a whole number from {low} to {high}", name)
    return number
