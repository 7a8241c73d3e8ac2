"""Routes: each says who may use it and in which words its errors are answered."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from aiohttp import web

from storage.api.accounts import FULL_SCOPES, Credential, Role, Scope, User
from web.http.operations import Operation

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Access(Enum):
    """Who may use a route.

    PUBLIC needs no login. SCRAPE is public where the settings say so. VIEWER, EDITOR
    and ADMIN need that role or a higher one. USER is a person's own account: any role,
    never the anonymous viewer. PUSH hands in samples: an editor's or admin's credential.
    """

    PUBLIC = auto()
    SCRAPE = auto()
    VIEWER = auto()
    USER = auto()
    PUSH = auto()
    EDITOR = auto()
    ADMIN = auto()


class Surface(Enum):
    """In which form a route's errors are answered: HTML, our JSON, or Prometheus's envelope."""

    PAGE = auto()
    JSON = auto()
    PROMETHEUS = auto()


OPEN_TO_ALL = frozenset({Access.PUBLIC, Access.SCRAPE})


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of the routing table.

    Attributes:
        open_as_json: lets everybody in who asks for JSON.
        body_limit_bytes: the largest body it takes, unpacked; None for the server's limit.
        operation: what the API document tells of it; every JSON and Prometheus route has one.
    """

    method: str
    path: str
    handler: Handler
    access: Access
    surface: Surface
    open_as_json: bool = False
    operation: Operation | None = None
    body_limit_bytes: int | None = None


class Handlers(Protocol):
    """An object whose methods handle requests."""

    def routes(self) -> Iterable[Route]:
        """Return the routes that its methods handle."""


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
    # A token that may only read must not make itself one that may write.
    Access.USER: {Scope.WRITE},
    Access.PUSH: {Scope.PUSH, Scope.WRITE},
    Access.EDITOR: {Scope.WRITE},
    Access.ADMIN: {Scope.WRITE},
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sends a request; without a user it is the anonymous viewer."""

    user: User | None
    credential: Credential | None

    @property
    def name(self) -> str:
        """The user's name, "" for the anonymous viewer."""
        return self.user.name if self.user else ""

    @property
    def role(self) -> Role:
        """What the sender may do."""
        return self.user.role if self.user else Role.VIEWER

    @property
    def scopes(self) -> frozenset[Scope]:
        """What the credential lets the sender do of that."""
        return self.credential.scopes if self.credential else FULL_SCOPES

    def may(self, access: Access) -> bool:
        """Tell whether role and scopes suffice for a route that needs them."""
        if access is Access.USER and self.user is None:
            return False
        if self.scopes.isdisjoint(_SUFFICIENT_SCOPES[access]):
            return False
        return _ROLE_RANK[self.role] >= _NEEDED_RANK[access]


ANONYMOUS = Principal(None, None)
COMMAND_LINE = Principal(User(0, "command line", Role.ADMIN, "", 0), None)
"""Whoever may open the control socket, which is an administrator of the machine."""

PRINCIPAL = web.RequestKey("principal", Principal)
"""Set by the authentication middleware wherever the route needs a login or one was given."""

REQUEST_ID = web.RequestKey("request_id", str)

ROUTES: web.AppKey[dict[tuple[str, str], Route]] = web.AppKey("routes", dict)
"""By method and path pattern."""


def install(app: web.Application, routes: Iterable[Route]) -> None:
    """Add routes to the application and remember what each demands.

    Raises:
        ValueError: two routes share a method and a path.
    """
    table: dict[tuple[str, str], Route] = {}
    for route in routes:
        for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
            resource = app.router.add_route(method, route.path, route.handler).resource
            key = (method, resource.canonical if resource else "")
            if key in table:
                raise ValueError(f"two routes for {method} {route.path}")
            table[key] = route
    app[ROUTES] = table


def route_of(request: web.Request) -> Route | None:
    """Return the route that a request was resolved to, None for an unknown address.

    A resolved route that is not in the table is a KeyError: nothing is served unguarded.
    """
    resource = request.match_info.route.resource
    if resource is None:
        return None
    return request.app[ROUTES][request.method, resource.canonical]


def route_name(request: web.Request) -> str:
    """Return the route's pattern, for logs: `/api/hosts/{key}`."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else resource.canonical


def surface_of(request: web.Request) -> Surface:
    """Return in which form errors of this request are answered.

    An unknown address is answered in HTML to whoever asks for HTML.
    """
    route = route_of(request)
    if route is not None:
        return (
            Surface.JSON
            if route.surface is Surface.PAGE and wants_json(request)
            else (route.surface)
        )
    return Surface.PAGE if "text/html" in request.headers.get("Accept", "") else Surface.JSON


def wants_json(request: web.Request) -> bool:
    """Tell whether the client asks for JSON rather than HTML."""
    accept = request.headers.get("Accept", "")
    return "application/json" in accept and "text/html" not in accept


def principal_of(request: web.Request) -> Principal:
    """Return who sends the request, the anonymous viewer where nobody logged in."""
    principal: Principal = request.get(PRINCIPAL, ANONYMOUS)
    return principal


def user_of(request: web.Request) -> User:
    """Return the user of a route with access USER or higher than VIEWER."""
    user = principal_of(request).user
    if user is None:
        raise LookupError("the route's access lets anonymous senders in")
    return user
