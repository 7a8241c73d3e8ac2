"""The OpenAPI document, generated from the routes and the types of their operations.

Source: OpenAPI Specification 3.1.1; schemas are pydantic's, JSON Schema 2020-12.
"""

import inspect
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Literal

from pydantic import TypeAdapter

from web.http.failures import ErrorDocument, OtlpStatus
from web.http.operations import JSON, PROTOBUF, Described, Operation
from web.http.routing import SAFE_METHODS, Access, Route, Surface

Json = dict[str, Any]
Mode = Literal["validation", "serialization"]

_REFERENCE: Final = "#/components/schemas/{model}"
_PLACEHOLDER: Final = re.compile(r"\{(\w+)(?::[^}]*)?\}")

_TAGS: Final[Mapping[str, str]] = {
    "hosts": "Hosts, their figures, charts and checks",
    "alerts": "Alerts, their history, notifications and receivers",
    "accounts": "Logins, tokens and users",
    "prometheus": "The Prometheus HTTP API",
    "push": "Samples pushed by devices and hosts",
    "sessions": "Sessions of coding agents, their tokens, cost and outcomes",
    "live": "Values and alerts as they change",
    "health": "Probes, own metrics, reload",
}

_NEEDS: Final[Mapping[Access, str]] = {
    Access.PUBLIC: "Needs no login.",
    Access.SCRAPE: "Needs no login, unless `web.metrics_public` is off.",
    Access.VIEWER: "Needs the role viewer.",
    Access.USER: "Needs a user of any role.",
    Access.PUSH: "Needs a key with the scope push, or the role editor.",
    Access.EDITOR: "Needs the role editor.",
    Access.ADMIN: "Needs the role admin.",
}

_DESCRIPTION: Final = """\
Times are Unix milliseconds (`_ms`), durations seconds (`_s`), ratios 0 to 1; null means unknown.
Every response carries `X-Request-ID`; the one of the request is kept if it is valid."""


def openapi_document(
    routes: Iterable[Route],
    version: str,
    cookie_name: str,
    *,
    anonymous_viewer: bool,
    prometheus_error: Described,
) -> Json:
    """Return the document of every route that has an operation.

    Args:
        routes: the routing table.
        version: the version of Redshank.
        cookie_name: the name of the session cookie.
        anonymous_viewer: whether viewing needs no login.
        prometheus_error: the type of an error in the Prometheus API.
    """
    documented = [(route, route.operation) for route in routes if route.operation is not None]
    error_types = {
        Surface.PAGE: ErrorDocument,
        Surface.JSON: ErrorDocument,
        Surface.PROMETHEUS: prometheus_error,
        Surface.ALERTMANAGER: str,
        Surface.OTLP: OtlpStatus,
    }
    schemas = _Schemas((operation for _, operation in documented), error_types)
    paths: dict[str, Json] = {}
    for route, operation in documented:
        path = _PLACEHOLDER.sub(r"{\1}", route.path)
        document = _operation(route, operation, path, schemas)
        if anonymous_viewer and route.access is Access.VIEWER:
            document["security"].append({})
        paths.setdefault(path, {})[route.method.lower()] = document
    used = {operation.tag for _, operation in documented}
    return {
        "openapi": "3.1.1",
        "info": {"title": "Redshank", "version": version, "description": _DESCRIPTION},
        "tags": [{"name": tag, "description": text} for tag, text in _TAGS.items() if tag in used],
        "paths": paths,
        "components": {
            "schemas": schemas.referred_to(paths),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The password is a token, never an account's password.",
                },
                "session": {"type": "apiKey", "in": "cookie", "name": cookie_name},
            },
        },
    }


class _Schemas:
    """The JSON Schemas of all types, as validated in requests and as serialised in responses."""

    def __init__(
        self, operations: Iterable[Operation], error_types: Mapping[Surface, Described]
    ) -> None:
        self.error_types = error_types
        errors: list[tuple[Described, Mode]] = [
            (described, "serialization") for described in (*error_types.values(), bytes)
        ]
        wanted: dict[tuple[str, Mode], TypeAdapter[Any]] = {}
        for operation in operations:
            for described, mode in (*_types(operation), *errors):
                if (repr(described), mode) not in wanted:
                    wanted[repr(described), mode] = TypeAdapter(described)
        inputs = [(name, mode, adapter) for (name, mode), adapter in wanted.items()]
        self._schemas, rest = TypeAdapter.json_schemas(inputs, ref_template=_REFERENCE)
        self.definitions: Json = rest.get("$defs", {})

    def of(self, described: Described, mode: Mode) -> Json:
        """Return a type's schema; a reference if the type has a name."""
        return dict(self._schemas[repr(described), mode])

    def referred_to(self, paths: Json) -> Json:
        """Return the named schemas that the paths refer to, directly or indirectly."""
        found: Json = {}
        waiting = _references(paths)
        while waiting:
            name = waiting.pop()
            found[name] = self.definitions[name]
            waiting |= _references(found[name]) - found.keys()
        return dict(sorted(found.items()))

    def properties(self, described: Described) -> tuple[Json, Sequence[str]]:
        """Return the properties of a request model, and the names of the required ones."""
        schema = self.of(described, "validation")
        if "$ref" in schema:
            schema = self.definitions[schema["$ref"].rpartition("/")[2]]
        return schema.get("properties", {}), schema.get("required", ())


def _references(part: Json) -> set[str]:
    return set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(part)))


def _types(operation: Operation) -> Iterable[tuple[Described, Mode]]:
    bodies = (operation.body, *operation.other_bodies.values())
    for described in (*bodies, operation.query, operation.path):
        if described is not None:
            yield described, "validation"
    for described in (operation.response, *operation.responses.values()):
        if described is not None:
            yield described, "serialization"


def _operation(route: Route, operation: Operation, path: str, schemas: _Schemas) -> Json:
    name = re.sub(r"\W+", "_", f"{route.method.lower()} {path}").strip("_") + operation.id_suffix
    document: Json = {
        "operationId": name,
        "tags": [operation.tag],
        "summary": (inspect.getdoc(route.handler) or name).partition("\n")[0].rstrip("."),
        "description": _NEEDS[route.access],
        "responses": _responses(route, operation, schemas),
        "security": [],
    }
    if route.access is not Access.PUBLIC:
        document["security"] = [{"bearer": []}, {"key": []}, {"basic": []}, {"session": []}]
    if route.access is Access.SCRAPE:
        document["security"].append({})
    if parameters := _parameters(operation, path, schemas):
        document["parameters"] = parameters
    if operation.body is not None:
        bodies = dict.fromkeys(operation.body_media_types, operation.body)
        bodies |= operation.other_bodies
        document["requestBody"] = {
            "required": True,
            "content": {
                kind: {"schema": schemas.of(described, "validation")}
                for kind, described in bodies.items()
            },
        }
    return document


def _parameters(operation: Operation, path: str, schemas: _Schemas) -> list[Json]:
    typed, _ = schemas.properties(operation.path) if operation.path else ({}, ())
    found: list[Json] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": typed.get(name, {"type": "string", "minLength": 1}),
        }
        for name in _PLACEHOLDER.findall(path)
    ]
    found.extend(
        {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
        for name, text in operation.headers.items()
    )
    if operation.query is None:
        return found
    properties, required = schemas.properties(operation.query)
    for name, schema in properties.items():
        found.append(
            {
                "name": name,
                "in": "query",
                "required": name in required,
                "schema": _without_null(schema),
            }
        )
    return found


def _without_null(schema: Json) -> Json:
    """Return the schema of a query parameter without null: clients omit it instead."""
    kept: Json = {key: value for key, value in schema.items() if key != "anyOf"}
    if kept.get("default", ...) is None:
        del kept["default"]
    options = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    only: Json = options[0] if len(options) == 1 else {"anyOf": options} if options else {}
    return kept | only


def _responses(route: Route, operation: Operation, schemas: _Schemas) -> Json:
    error: tuple[str, ...] = (JSON,)
    success: tuple[str, ...] = (operation.media_type,)
    if route.surface is Surface.OTLP:
        # The response has the encoding of the request.
        error = success = operation.body_media_types
    bodies: dict[int, tuple[Described, tuple[str, ...]]] = dict.fromkeys(
        _error_statuses(route, operation), (schemas.error_types[route.surface], error)
    )
    bodies |= {status: (described, success) for status, described in operation.responses.items()}
    bodies[operation.status] = (operation.response, success)
    responses: Json = {}
    for status, (described, kinds) in sorted(bodies.items()):
        response: Json = {"description": HTTPStatus(status).phrase}
        if described is not None:
            response["content"] = {
                kind: {"schema": schemas.of(_encoded(described, kind), "serialization")}
                for kind in kinds
            }
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            response["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
        responses[str(status)] = response
    return responses


def _encoded(described: Described, media_type: str) -> Described:
    """Return the type of a body in a media type: a message of protobuf is bytes."""
    return bytes if media_type == PROTOBUF else described


def _error_statuses(route: Route, operation: Operation) -> set[int]:
    statuses = {*operation.errors, HTTPStatus.TOO_MANY_REQUESTS.value}
    if operation.body is not None or operation.query is not None or operation.path is not None:
        statuses.add(HTTPStatus.BAD_REQUEST)
    if operation.body is not None:
        statuses.add(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if route.access is not Access.PUBLIC:
        statuses |= {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    elif route.method not in SAFE_METHODS:
        # The response to a request forged by another site's page.
        statuses.add(HTTPStatus.FORBIDDEN)
    return statuses
