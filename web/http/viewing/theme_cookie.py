"""The cookie with a browser's theme: a copy of the user's preference for pages without a login."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from web.http.viewing.view import PREFERENCES, THEME_COOKIE

_LIFETIME_S: Final = 31_536_000


@dataclass(frozen=True, slots=True)
class ThemeCookie:
    """Writes the cookie.

    Attributes:
        secure: whether browsers send it over HTTPS only.
    """

    secure: bool

    def write(self, response: web.Response, theme: str) -> None:
        """Let the browser keep a theme; "" deletes the cookie."""
        response.set_cookie(
            THEME_COOKIE,
            theme,
            max_age=_LIFETIME_S if theme else 0,
            path="/",
            samesite="Lax",
            secure=self.secure,
        )

    def follow(self, request: web.Request, response: web.Response) -> None:
        """Update the cookie where the user has chosen another theme, in another browser perhaps."""
        preferences = request.get(PREFERENCES)
        if preferences and preferences.theme != request.cookies.get(THEME_COOKIE, ""):
            self.write(response, preferences.theme)
