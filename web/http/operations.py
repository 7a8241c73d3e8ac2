"""The description of a route in the OpenAPI document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

Described = Any
"""A type that pydantic can describe: a model, a TypedDict, `list[str]`, `str` or `bytes`."""

JSON = "application/json"
PROTOBUF = "application/x-protobuf"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the OpenAPI document; its summary is the handler's docstring.

    The document adds the statuses 401, 403 and 429, and 400 and 413 for a route with
    parameters or a body, by itself.

    Attributes:
        tag: the group in which the document lists it.
        response: the type of the body on success; None for no body.
        body: the type of the request body; None for no body.
        query: the type of the query parameters.
        path: the type of the path parameters; None if all are strings.
        status: the status on success.
        media_type: of the body on success.
        body_media_types: of the request body.
        other_bodies: the types of request bodies that the route takes as well, by media type.
        headers: the descriptions of request headers of the route's own, by name.
        errors: further statuses, with an error body in the format of the route's surface.
        responses: further statuses with a body type of their own.
        id_suffix: makes the id unique where paths differ in a final slash only.
    """

    tag: str
    response: Described = None
    body: Described = None
    query: type[BaseModel] | None = None
    path: type[BaseModel] | None = None
    status: int = HTTPStatus.OK
    media_type: str = JSON
    body_media_types: tuple[str, ...] = (JSON,)
    other_bodies: Mapping[str, Described] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    responses: Mapping[int, Described] = field(default_factory=dict)
    id_suffix: str = ""
