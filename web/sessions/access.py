"""The right to read the sessions of all developers."""

from aiohttp import web

from web.http.errors import ForbiddenError, UnauthorizedError
from web.http.routing import Access, Principal, principal_of
from web.settings import WebSettings


def page_access(settings: WebSettings) -> Access:
    """Return who may see the pages: every user, unless anybody may become one."""
    return Access.EDITOR if settings.registration else Access.USER


def require_reader(request: web.Request, settings: WebSettings) -> None:
    """Return if the sender may read sessions.

    Raises:
        UnauthorizedError: nobody is logged in.
        ForbiddenError: anybody may register, and the sender is neither editor nor admin.
    """
    check_reader(principal_of(request), settings)


def check_reader(principal: Principal, settings: WebSettings) -> None:
    """Raise as `require_reader`."""
    if principal.user is None:
        raise UnauthorizedError("log in to read sessions: they name persons")
    if settings.registration and not _is_trusted(principal):
        raise ForbiddenError("this needs the role editor, because anybody may register here")


def _is_trusted(principal: Principal) -> bool:
    return principal.user is not None and principal.user.role.value in ("editor", "admin")
