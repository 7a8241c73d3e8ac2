"""Reads query, path and body of a request into pydantic models."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import parse_qsl

import orjson
from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from model.base_models import DeferredModel
from web.http.bodies import read_body
from web.http.errors import BadRequestError

__all__ = [
    "DIGITS",
    "FORM",
    "Flag",
    "PageLength",
    "Paging",
    "Parameters",
    "RecordId",
    "RecordPath",
    "form_fields",
    "read_body",
    "read_form",
    "read_json",
    "read_json_object",
    "read_path",
    "read_query",
    "record_id",
]

FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 1000

Model = TypeVar("Model", bound=BaseModel)

_LARGEST_ID: Final = 2**63 - 1
"""The largest integer of SQLite; a larger number in a URL names no record."""


def _digits(value: object) -> object:
    # Stricter than int(), which takes "1_000" and " 7".
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("must be a whole number")
    return value


DIGITS: Final = BeforeValidator(_digits)
"""Accepts whole numbers as text. Place it after the bounds, or OpenAPI omits these."""


def _flag(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value not in ("true", "false"):
        raise ValueError("must be true or false")
    return value == "true"


Flag = Annotated[bool, BeforeValidator(_flag), WithJsonSchema({"type": "boolean"})]
"""A parameter that is `true` or `false`; not what else pydantic takes, such as `yes`."""

RecordId = Annotated[int, Field(ge=1, le=_LARGEST_ID), DIGITS]

PageLength = Annotated[int, Field(ge=1, le=1000), DIGITS]


class Parameters(DeferredModel):
    """Base of query and path parameters; unknown ones are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class RecordPath(Parameters):
    """The path parameter `id` of a record."""

    id: RecordId


class Paging(Parameters):
    """One page of a list; `before_id` is the last id of the previous page."""

    limit: PageLength = 100
    before_id: RecordId | None = None


P = TypeVar("P", bound=Parameters)


def read_query(query: Mapping[str, str], model: type[P]) -> P:
    """Return the query parameters; an empty one counts as missing.

    Raises:
        ValidationError: one is invalid.
    """
    return model.model_validate({name: value for name, value in query.items() if value})


def read_path(request: web.Request, model: type[P]) -> P:
    """Return the path parameters.

    Raises:
        ValidationError: one is invalid.
    """
    return model.model_validate(dict(request.match_info))


def record_id(request: web.Request) -> int:
    """Return the record id in the path.

    Raises:
        ValidationError: it is not a number.
    """
    return read_path(request, RecordPath).id


async def read_json(request: web.Request, model: type[Model]) -> Model:
    """Return the JSON body as `model`.

    Raises:
        WebError: as `read_body`.
        ValidationError: the body is not JSON or does not fit the model.
    """
    return model.model_validate_json(await read_body(request))


async def read_json_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON body, unvalidated: for bodies of many items that are checked one by one.

    Raises:
        WebError: as `read_body`.
        BadRequestError: the body is not a JSON object.
    """
    try:
        body = orjson.loads(await read_body(request))
    except orjson.JSONDecodeError as exc:
        raise BadRequestError(f"the body is not JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise BadRequestError("the body must be an object")
    return body


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the fields of an HTML form, the last of each name; files are ignored.

    Raises:
        WebError: as `read_body`.
        BadRequestError: the body is not a form.
    """
    return dict(await read_form_fields(request))


async def read_form_fields(request: web.Request) -> list[tuple[str, str]]:
    """Return the names and values of an HTML form, in order; see `read_form`."""
    body = await read_body(request)
    if body and request.content_type != FORM:
        # aiohttp writes multipart bodies to temporary files; none of our forms sends one.
        raise BadRequestError(f"send the form as {FORM}")
    if (request.charset or "utf-8").lower() not in ("utf-8", "us-ascii"):
        raise BadRequestError("send the form as UTF-8")
    return form_fields(body)


def form_fields(body: bytes) -> list[tuple[str, str]]:
    """Return the names and values of a form's body, in order.

    Raises:
        BadRequestError: it is not a form in UTF-8, or has more than a thousand fields.
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
