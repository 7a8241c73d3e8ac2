"""Reading requests: bodies into models, query parameters into numbers."""

from collections.abc import Mapping
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import BaseModel

from web.bodies import read_body
from web.errors import BadRequestError

__all__ = [
    "FORM",
    "LARGEST_ID",
    "form_fields",
    "read_body",
    "read_form",
    "read_integer",
    "read_json",
]

FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 1000

Model = TypeVar("Model", bound=BaseModel)

LARGEST_ID = 2**63 - 1
"""SQLite's; a larger number in a URL is no record."""


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
