"""A request as an adapter has seen it."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class ObservedRequest(NamedTuple):
    """A served request, raw: the reporter's thread masks, shortens and encodes it.

    Attributes:
        time_s: when it began, in Unix seconds.
        method: such as GET.
        path: the path as requested, without query string.
        route: the template, such as `/users/{id}`; "" if unknown.
        parameters: the values of the template's parameters, None if unknown.
        status: the HTTP status.
        duration_ns: how long it took, until the last byte of the body.
        request_bytes, response_bytes: sizes of the bodies; None if unknown.
        consumer: who sent it, "" for nobody.
        client: the client's address, "" if unknown.
    """

    time_s: float
    method: str
    path: str
    route: str
    parameters: Mapping[str, Any] | None
    status: int
    duration_ns: int
    request_bytes: int | None
    response_bytes: int | None
    consumer: str
    client: str
