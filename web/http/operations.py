"""What the API document tells of a route beyond its method, path and access."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

Described = Any
"""A type that pydantic can describe: a model, a TypedDict, `list[str]`, `str`, `bytes`."""

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API document; its summary is the handler's docstring.

    Who may use it, 401, 403, 429 and, where something is read, 400 and 413 follow from
    the route and need not be told.

    Attributes:
        tag: the group that it is listed in.
        answer: the body of success; None where there is none.
        body: what validates the request's body; None where none is read.
        query: what validates the query's parameters.
        path: what validates the path's parameters; without it they are strings.
        status: of success.
        media_type: of the body of success.
        body_media_types: in which the request's body may come.
        errors: further statuses, answered in the form of the route's surface.
        answers: further statuses with bodies of their own.
    """

    tag: str
    answer: Described = None
    body: Described = None
    query: type[BaseModel] | None = None
    path: type[BaseModel] | None = None
    status: int = HTTPStatus.OK
    media_type: str = JSON
    body_media_types: tuple[str, ...] = (JSON,)
    errors: tuple[int, ...] = ()
    answers: Mapping[int, Described] = field(default_factory=dict)
