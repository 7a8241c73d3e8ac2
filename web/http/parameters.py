"""Reading requests: bodies into models, query parameters into numbers."""

from collections.abc import Mapping
from typing import Annotated, Final, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from web.http.bodies import read_body
from web.http.errors import BadRequestError

__all__ = [
    "DIGITS",
    "FORM",
    "PageLength",
    "Paging",
    "Parameters",
    "RecordId",
    "RecordPath",
    "form_fields",
    "read_body",
    "read_form",
    "read_json",
    "read_path",
    "read_query",
    "record_id",
]

FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 1000

Model = TypeVar("Model", bound=BaseModel)

_LARGEST_ID: Final = 2**63 - 1
"""SQLite's; a larger number in a URL is no record."""


def _digits(value: object) -> object:
    # Stricter than int(), which takes "1_000" and " 7".
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("must be a whole number")
    return value


DIGITS: Final = BeforeValidator(_digits)
"""Of whole numbers that come as text; after their bounds, or these are not documented."""

RecordId = Annotated[int, Field(ge=1, le=_LARGEST_ID), DIGITS]

PageLength = Annotated[int, Field(ge=1, le=1000), DIGITS]


class Parameters(BaseModel):
    """Parameters of a query or path; those that it does not know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class RecordPath(Parameters):
    """A path with a record's id."""

    id: RecordId


class Paging(Parameters):
    """One page of a list; `before_id` is the last id of the page before."""

    limit: PageLength = 100
    before_id: RecordId | None = None


P = TypeVar("P", bound=Parameters)


def read_query(query: Mapping[str, str], model: type[P]) -> P:
    """Return the query's parameters; an empty one counts as missing.

    Raises:
        ValidationError: one does not fit.
    """
    return model.model_validate({name: value for name, value in query.items() if value})


def read_path(request: web.Request, model: type[P]) -> P:
    """Return the path's parameters.

    Raises:
        ValidationError: one does not fit.
    """
    return model.model_validate(dict(request.match_info))


def record_id(request: web.Request) -> int:
    """Return the record id of a path with nothing else.

    Raises:
        ValidationError: it is no number.
    """
    return read_path(request, RecordPath).id


async def read_json(request: web.Request, model: type[Model]) -> Model:
    """Return the JSON body as `model`.

    Raises:
        WebError: as `read_body`.
        ValidationError: it is no JSON, or does not fit the model.
    """
    return model.model_validate_json(await read_body(request))


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the fields of an HTML form, the last of each name; files are ignored.

    Raises:
        WebError: as `read_body`.
        BadRequestError: the body is no form.
    """
    body = await read_body(request)
    if body and request.content_type != FORM:
        # Multipart bodies would be written to temporary files; no form of ours sends any.
        raise BadRequestError(f"send the form as {FORM}")
    if (request.charset or "utf-8").lower() not in ("utf-8", "us-ascii"):
        raise BadRequestError("send the form as UTF-8")
    return dict(form_fields(body))


def form_fields(body: bytes) -> list[tuple[str, str]]:
    """Return names and values of a form's body, in their order.

    Raises:
        BadRequestError: it is no form in UTF-8, or has a thousand fields.
    """
    try:
        return parse_qsl(
            body.decode().strip(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as exc:
        raise BadRequestError(f"the body is not a form: {exc}") from exc
