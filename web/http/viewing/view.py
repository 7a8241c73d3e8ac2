"""The view of a reader: what preferences, cookies and the browser's headers choose together."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web

from storage.api.people.preferences import NO_PREFERENCES, Preferences

LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "de": "Deutsch", "es": "Español"}
"""The languages of the pages, by their codes; the first is the texts' own."""

THEME_COOKIE: Final = "redshank_theme"
_THEMES: Final = frozenset({"light", "dark"})

_COMMA_LANGUAGES: Final = frozenset({"de", "es"})
"""Languages that write 1.234,5 for 1,234.5."""

PREFERENCES = web.RequestKey("preferences", Preferences)
"""The preferences of the request's sender; set for pages behind the login."""


@dataclass(frozen=True, slots=True)
class View:
    """How a page looks.

    Attributes:
        language: one of `LANGUAGES`.
        theme: `light`, `dark`, or "" for the system's.
        zone: the name of the zone of absolute times, "" for the browser's.
    """

    language: str = "en"
    theme: str = ""
    zone: str = ""

    @property
    def has_comma(self) -> bool:
        """Whether numbers have a decimal comma."""
        return self.language in _COMMA_LANGUAGES

    @property
    def tz(self) -> tzinfo:
        """The zone of times that the server writes; UTC where the browser converts them."""
        return _zone(self.zone) if self.zone else UTC


DEFAULT_VIEW: Final = View()
VIEW: Final[ContextVar[View]] = ContextVar("view", default=DEFAULT_VIEW)
"""The view of the page that is being rendered; template filters read it."""


@lru_cache(16)
def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)


def view_of(request: web.Request, server_zone: str) -> View:
    """Return the view of a request's sender.

    The theme is the user's preference. The cookie is a copy of it, for pages that do not know
    the user: the login, shared reports, errors.
    """
    preferences = request.get(PREFERENCES)
    chosen = preferences or NO_PREFERENCES
    theme = request.cookies.get(THEME_COOKIE, "") if preferences is None else preferences.theme
    return View(
        language=chosen.language
        if chosen.language in LANGUAGES
        else accepted_language(request.headers.get("Accept-Language", "")),
        theme=theme if theme in _THEMES else "",
        zone={"utc": "UTC", "server": server_zone}.get(chosen.zone, ""),
    )


def accepted_language(header: str) -> str:
    """Return the translated language that an `Accept-Language` header prefers, else English."""
    best, best_quality = "en", 0.0
    for part in header.split(",")[:20]:
        tag, _, parameter = part.strip().partition(";")
        language = tag.strip().lower().partition("-")[0]
        try:
            quality = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        if language in LANGUAGES and best_quality < quality <= 1.0:
            best, best_quality = language, quality
    return best
