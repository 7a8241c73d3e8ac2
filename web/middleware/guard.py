"""Authenticates the sender of a request, refuses forged requests, and checks the sender's role."""

from typing import Final, NoReturn
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.typedefs import Middleware

from storage.api.project_keys import KeyScope
from web.http.cross_site import refuse_cross_site
from web.http.errors import ForbiddenError, UnauthorizedError
from web.http.routing import (
    ANONYMOUS,
    OPEN_TO_ALL,
    PRINCIPAL,
    SAFE_METHODS,
    Access,
    Answer,
    Handler,
    KeyHolder,
    Principal,
    Route,
    Surface,
    route_of,
    wants_json,
)
from web.identity.authentication import Authenticator
from web.settings import WebSettings

_KEYED_PATHS: Final = frozenset({"/api/v1/track", "/api/v1/track/batch"})
"""Routes whose handlers check the key of a project, which is no user's token.

Looking for it among the tokens reads the database for every tracked request.
"""


def guard(authenticator: Authenticator, settings: WebSettings) -> Middleware:
    """Return the middleware."""

    @web.middleware
    def middleware(request: web.Request, handler: Handler) -> Answer:
        route = route_of(request)
        if route is not None and route.for_any_page:
            return handler(request)
        return guarded(request, route, handler)

    async def guarded(
        request: web.Request, route: Route | None, handler: Handler
    ) -> web.StreamResponse:
        if route is None:
            reader = await _reader_of_error(authenticator, request)
            if reader is not None:
                request[PRINCIPAL] = reader
            return await handler(request)
        principal = None
        if route.path not in _KEYED_PATHS:
            principal = await _principal(authenticator, request, route)
        if _can_be_forged(request, route, authenticator):
            refuse_cross_site(request, settings)
        if principal is not None:
            request[PRINCIPAL] = principal
        access = route.access
        if access is Access.SCRAPE and not settings.metrics_public:
            access = Access.VIEWER
        _admit(request, route, access, principal, settings)
        return await handler(request)

    return middleware


async def _reader_of_error(authenticator: Authenticator, request: web.Request) -> Principal | None:
    """Return who sees the page of an unknown address, so that it has their navigation.

    Passwords and tokens are not checked for it: there is nothing to admit them to.
    """
    if "Authorization" in request.headers or wants_json(request):
        return None
    try:
        return await authenticator.principal(request)
    except UnauthorizedError:
        return None


def _can_be_forged(request: web.Request, route: Route, authenticator: Authenticator) -> bool:
    # Without a credential that browsers add there is nothing to abuse. Forms are the
    # exception: another site's page must not log a visitor in as somebody else.
    return request.method not in SAFE_METHODS and (
        authenticator.is_sent_by_browser(request) or route.surface is Surface.PAGE
    )


async def _principal(
    authenticator: Authenticator, request: web.Request, route: Route
) -> Principal | None:
    try:
        return await authenticator.principal(request)
    except UnauthorizedError:
        # A public route ignores it: a scraper may send any header to /metrics.
        if route.access in OPEN_TO_ALL:
            return None
        raise


def _admit(
    request: web.Request,
    route: Route,
    access: Access,
    principal: Principal | None,
    settings: WebSettings,
) -> None:
    """Return if the sender may use the route, else raise."""
    if access in OPEN_TO_ALL or (route.open_as_json and wants_json(request)):
        return
    if principal is None and settings.anonymous_viewer:
        principal = ANONYMOUS
    if principal is not None and principal.may(access):
        return
    if principal is not None and principal.key is not None:
        if route.for_read_keys and KeyScope.READ in principal.key.scopes:
            return
        raise ForbiddenError(_refused_key(route, principal.key))
    if principal is None or principal.user is None:
        refuse_anonymous(request, route)
    raise ForbiddenError(_missing_right(access, principal))


def _refused_key(route: Route, key: KeyHolder) -> str:
    if route.for_read_keys:
        scopes = " ".join(sorted(key.scopes))
        return f"this needs an API key with the scope read: this key has only {scopes}"
    return "API keys of projects are not valid here: log in, or send a token"


def _missing_right(access: Access, principal: Principal) -> str:
    without_scopes = Principal(principal.user, None)
    if without_scopes.may(access):
        scopes = " ".join(sorted(principal.scopes))
        return f"this token may not do this: it has only the scope {scopes}"
    role = "editor" if access is Access.PUSH else access.name.lower()
    return f"this needs the role {role}, and yours is {principal.role}"


def refuse_anonymous(request: web.Request, route: Route) -> NoReturn:
    """Redirect a browser to the login page, and refuse every other client.

    Raises:
        web.HTTPSeeOther: a browser asked for a page.
        UnauthorizedError: any other client.
    """
    if route.surface is Surface.PAGE and not wants_json(request):
        target = request.path_qs if request.method in SAFE_METHODS else "/"
        login = "/login" if target == "/" else "/login?" + urlencode({"next": target}, safe="/")
        raise web.HTTPSeeOther(login)
    raise UnauthorizedError("log in, or send a token")
