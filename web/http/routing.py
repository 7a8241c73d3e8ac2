"""Routes: each declares who may use it and the format of its errors."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from aiohttp import web
from aiohttp.web_urldispatcher import Resource, ResourceRoute

from storage.api.accounts import FULL_SCOPES, Credential, Role, Scope, User
from storage.api.project_keys import KeyScope
from web.http.operations import Operation

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

Answer = Awaitable[web.StreamResponse]
Handler = Callable[[web.Request], Answer]


class Access(Enum):
    """Who may use a route.

    PUBLIC needs no login. SCRAPE needs none unless `web.metrics_public` is off. VIEWER,
    EDITOR and ADMIN need that role or a higher one. USER needs a user of any role, not the
    anonymous viewer. PUSH takes samples and needs a credential of an editor or admin.
    """

    PUBLIC = auto()
    SCRAPE = auto()
    VIEWER = auto()
    USER = auto()
    PUSH = auto()
    EDITOR = auto()
    ADMIN = auto()


class Surface(Enum):
    """The format of a route's errors: a page, or the JSON of the API that the route belongs to."""

    PAGE = auto()
    JSON = auto()
    PROMETHEUS = auto()
    ALERTMANAGER = auto()
    OTLP = auto()


OPEN_TO_ALL = frozenset({Access.PUBLIC, Access.SCRAPE})


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of the routing table.

    Attributes:
        open_as_json: whether requests for JSON need no login.
        body_limit_bytes: the largest decompressed body; None for the server's limit.
        for_any_page: whether web pages of all origins may use it. No user's credential counts
            there, so that it may arrive with one and nothing can be forged.
        operation: its description in the OpenAPI document; None omits the route there.
        for_read_keys: whether a project's API key with the scope `read` suffices.
    """

    method: str
    path: str
    handler: Handler
    access: Access
    surface: Surface
    open_as_json: bool = False
    operation: Operation | None = None
    body_limit_bytes: int | None = None
    for_any_page: bool = False
    for_read_keys: bool = False


JsonRow = tuple[str, str, Handler, Access, Operation]
"""A row of a table of JSON routes: method, path, handler, access and operation."""


def json_routes(
    *rows: JsonRow, body_limit_bytes: int | None = None, for_read_keys: bool = False
) -> tuple[Route, ...]:
    """Return the routes of a table; their errors are JSON.

    Args:
        rows: the table.
        body_limit_bytes: the limit of the routes whose operation has a body; None for the
            server's limit.
        for_read_keys: as in `Route`, for all rows.
    """
    return tuple(
        Route(
            method,
            path,
            handler,
            access,
            Surface.JSON,
            operation=operation,
            body_limit_bytes=body_limit_bytes if operation.body else None,
            for_read_keys=for_read_keys,
        )
        for method, path, handler, access, operation in rows
    )


class Handlers(Protocol):
    """An object whose methods handle requests."""

    def routes(self) -> Iterable[Route]:
        """Return the routes that its methods handle."""


def routes_of(*objects: Handlers) -> Iterator[Route]:
    """Yield the routes of all objects, in order."""
    for handlers in objects:
        yield from handlers.routes()


_ROLE_RANK = {Role.VIEWER: 0, Role.EDITOR: 1, Role.ADMIN: 2}
_NEEDED_RANK = {
    Access.VIEWER: 0,
    Access.USER: 0,
    Access.PUSH: 1,
    Access.EDITOR: 1,
    Access.ADMIN: 2,
}
_SUFFICIENT_SCOPES = {
    Access.VIEWER: {Scope.READ, Scope.WRITE},
    # A read-only token must not be able to create one that may write.
    Access.USER: {Scope.WRITE},
    Access.PUSH: {Scope.PUSH, Scope.WRITE},
    Access.EDITOR: {Scope.WRITE},
    Access.ADMIN: {Scope.WRITE},
}


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """The sender of a request with an API key, which is of one project and no user's.

    Attributes:
        project_id: the project.
        scopes: what the key permits there.
    """

    project_id: int
    scopes: frozenset[KeyScope]


@dataclass(frozen=True, slots=True)
class Principal:
    """The sender of a request; without a user and a key, the anonymous viewer."""

    user: User | None
    credential: Credential | None
    key: KeyHolder | None = None

    @property
    def name(self) -> str:
        """The user's name, "" for the anonymous viewer."""
        return self.user.name if self.user else ""

    @property
    def token(self) -> str:
        """The number of the credential, "" without one."""
        return str(self.credential.id) if self.credential else ""

    @property
    def role(self) -> Role:
        """The sender's role."""
        return self.user.role if self.user else Role.VIEWER

    @property
    def scopes(self) -> frozenset[Scope]:
        """The scopes of the credential, which restrict the role."""
        return self.credential.scopes if self.credential else FULL_SCOPES

    def may(self, access: Access) -> bool:
        """Report whether role and scopes suffice for a route with this access."""
        if self.key is not None or (access is Access.USER and self.user is None):
            return False
        if self.scopes.isdisjoint(_SUFFICIENT_SCOPES[access]):
            return False
        return _ROLE_RANK[self.role] >= _NEEDED_RANK[access]


ANONYMOUS = Principal(None, None)
COMMAND_LINE = Principal(User(0, "command line", Role.ADMIN, "", 0), None)
"""The sender of requests through the control socket, which only its owner can open."""

PRINCIPAL = web.RequestKey("principal", Principal)
"""Set by the guard for every authenticated request."""

REQUEST_ID = web.RequestKey("request_id", str)

ROUTES: web.AppKey[dict[tuple[str, str], Route]] = web.AppKey("routes", dict)
"""The routes by method and path pattern; routes on demand are in it once they are loaded."""

FURTHER_ROUTES: web.AppKey[Callable[[], Awaitable[None]]] = web.AppKey("further_routes")
"""Loads all routes on demand, so that `ROUTES` is complete."""


def add_routes(app: web.Application, routes: Iterable[Route]) -> None:
    """Add routes to the application, and to its table `ROUTES`.

    Raises:
        ValueError: two routes share a method and a path.
    """
    app[ROUTES] = {}
    add_to_table(app[ROUTES], app.router, routes)


def add_to_table(
    table: dict[tuple[str, str], Route], router: web.UrlDispatcher, routes: Iterable[Route]
) -> None:
    """Add routes to a router and to a table by method and path pattern.

    Raises:
        ValueError: two routes share a method and a path.
    """
    for route in routes:
        resource = router.add_resource(route.path)
        for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
            key = (method, resource.canonical)
            if key in table:
                raise ValueError(f"two routes for {method} {route.path}")
            resource.register_route(_RegisteredRoute(method, route, resource))
            table[key] = route


class _RegisteredRoute(ResourceRoute):
    """A route in aiohttp's router, which refers to its entry of the routing table.

    Each request asks for the entry five times: a reference takes a third of the time of a lookup.
    """

    def __init__(self, method: str, route: Route, resource: Resource) -> None:
        super().__init__(method, route.handler, resource)
        self.entry = route


def route_of(request: web.Request) -> Route | None:
    """Return the route of a request, None for an unknown URL.

    Raises:
        KeyError: the route is not in `ROUTES`, so that no route can bypass the guard.
    """
    found = request.match_info.route
    if isinstance(found, _RegisteredRoute):
        return found.entry
    if found.resource is None:
        return None
    raise KeyError(found.resource.canonical)


def route_name(request: web.Request) -> str:
    """Return the path pattern of the route, for logs: `/api/hosts/{key}`."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else resource.canonical


def surface_of(request: web.Request) -> Surface:
    """Return the format of errors for this request.

    At an unknown URL, it follows the `Accept` header.
    """
    route = route_of(request)
    if route is not None:
        return (
            Surface.JSON if route.surface is Surface.PAGE and wants_json(request) else route.surface
        )
    return Surface.PAGE if "text/html" in request.headers.get("Accept", "") else Surface.JSON


def wants_json(request: web.Request) -> bool:
    """Report whether the client asks for JSON rather than HTML."""
    accept = request.headers.get("Accept", "")
    return "application/json" in accept and "text/html" not in accept


def principal_of(request: web.Request) -> Principal:
    """Return the sender of the request, the anonymous viewer if nobody is logged in."""
    principal: Principal = request.get(PRINCIPAL, ANONYMOUS)
    return principal


def nameless(principal: Principal) -> Principal:
    """Return a reader with the same rights, but without a name, an id and a credential.

    What it reads may be shown to everybody with these rights.
    """
    if principal.user is None:
        return ANONYMOUS
    ranks = ((Role.ADMIN, Access.ADMIN), (Role.EDITOR, Access.EDITOR))
    # The scopes of a credential may restrict the role.
    role = next((role for role, access in ranks if principal.may(access)), Role.VIEWER)
    return Principal(User(0, "", role, "", 0), None)


def user_of(request: web.Request) -> User:
    """Return the user who sends the request.

    Raises:
        LookupError: the route admits anonymous senders.
    """
    user = principal_of(request).user
    if user is None:
        raise LookupError("the route admits anonymous senders")
    return user
