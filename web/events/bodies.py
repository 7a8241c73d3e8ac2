"""Reads the JSON bodies of SDKs, which are not always JSON."""

import json
from typing import Any, Final

import orjson
from aiohttp import web

from web.http.errors import BadRequestError
from web.http.parameters import read_body

_MOST_DIGITS: Final = 18


async def read_sent_object(request: web.Request) -> dict[str, Any]:
    """Return the body of a request, a JSON object; see `decoded`.

    Raises:
        WebError: as `read_body`.
        BadRequestError: the body is not a JSON object.
    """
    body = decoded(await read_body(request))
    if not isinstance(body, dict):
        raise BadRequestError("the body must be an object")
    return body


def decoded(body: bytes) -> Any:
    """Return a JSON value as an SDK has written it.

    JavaScript writes half of a surrogate pair where a text was cut, and Python's json writes
    NaN and Infinity. One such value must not cost the whole batch: the half becomes U+FFFD,
    the number null.

    Raises:
        BadRequestError: the body is not JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        try:
            return _well_formed(
                json.loads(body.decode("utf-8", "replace"), parse_constant=_null, parse_int=_number)
            )
        except (ValueError, RecursionError):
            raise BadRequestError(f"the body is not JSON: {exc}") from exc


def _null(_: str) -> None:
    return None


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def _well_formed(value: Any) -> Any:
    """Return a value without surrogates and without infinite numbers."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_well_formed(each) for each in value]
    if isinstance(value, dict):
        return {_well_formed(key): _well_formed(each) for key, each in value.items()}
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return None
    return value
