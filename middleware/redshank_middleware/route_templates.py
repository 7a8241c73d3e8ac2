"""Route templates, in one notation: `/users/{id}`."""

import re
from collections.abc import Mapping
from typing import Any, Final

NOT_FOUND: Final = "(not found)"
"""The route of all requests without one that got 404 or 405.

Scanners ask for thousands of paths, each of which would become a route of its own.
"""

_WERKZEUG: Final = re.compile(r"<(?:[^<>:]+:)?([A-Za-z_][A-Za-z0-9_]*)>")
_CONVERTER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*):[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")


def unified(template: str) -> str:
    """Return a template of Flask, Bottle, Starlette or aiohttp in the one notation.

    `<int:id>` (Flask), `<id>` (Bottle), `{id:int}` (Starlette) and `{id:[0-9]{1,3}}` (aiohttp)
    become `{id}`.
    """
    if "<" in template:
        template = _WERKZEUG.sub(r"{\1}", template)
    if ":" in template:
        template = _CONVERTER.sub(r"{\1}", template)
    return template


def from_parameters(path: str, parameters: Mapping[str, Any]) -> str:
    """Return a path with the values of its parameters replaced by their names.

    For frameworks that tell the parameters, not the template. Parameters that are no part of
    the path are ignored.
    """
    parts = path.split("/")
    for name, value in parameters.items():
        text = str(value)
        if not text:
            continue
        if "/" in text and path.endswith(text):
            others = {other: parameters[other] for other in parameters if other != name}
            return from_parameters(path[: -len(text)], others) + f"{{{name}}}"
        if text in parts:
            # The last one: `/users/users` has its parameter at the end.
            parts[len(parts) - 1 - parts[::-1].index(text)] = f"{{{name}}}"
    return "/".join(parts)


def route_of(path: str, template: str, parameters: Mapping[str, Any] | None, status: int) -> str:
    """Return the route of a request.

    Args:
        path: the path as requested.
        template: the framework's template, "" if unknown.
        parameters: the parameters of the path, None if unknown.
        status: the HTTP status.
    """
    if template:
        return unified(template)
    if parameters:
        return from_parameters(path, parameters)
    if status in (404, 405):
        return NOT_FOUND
    return path
