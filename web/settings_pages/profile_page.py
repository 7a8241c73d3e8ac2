"""The page of the reader's preferences, and the list of all settings."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final, Literal

from aiohttp import web
from pydantic import AfterValidator, ConfigDict, ValidationError

from model.base_models import DeferredModel
from storage.api.people.preferences import PreferenceRecords, Preferences
from web.http.pages import Page
from web.http.parameters import read_form
from web.http.routing import Access, Route, Surface, user_of
from web.http.validation import field_errors
from web.http.viewing.view import LANGUAGES, THEME_COOKIE
from web.live.shell import Shell
from web.settings import WebSettings

PROFILE: Final = Page(
    path="/settings",
    title="Settings",
    template="settings_pages/profile_page.html",
    access=Access.USER,
    position=90,
    notices={"saved": "Your preferences are saved."},
)
_COOKIE_S: Final = 31_536_000


def _known_language(language: str) -> str:
    if language and language not in LANGUAGES:
        raise ValueError(f"must be one of {', '.join(LANGUAGES)}")
    return language


class PreferencesForm(DeferredModel):
    """The reader's preferences; "" leaves a choice to the browser."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: Literal["", "server", "utc"] = ""
    language: Annotated[str, AfterValidator(_known_language)] = ""
    theme: Literal["", "light", "dark"] = ""


class ProfilePages:
    """Shows and changes the reader's preferences."""

    def __init__(
        self, preferences: PreferenceRecords, server_zone: str, shell: Shell, settings: WebSettings
    ) -> None:
        self._preferences, self._server_zone = preferences, server_zone
        self._shell, self._settings = shell, settings

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            self._shell.route(PROFILE, self.show),
            Route("POST", PROFILE.path, self.save, Access.USER, Surface.PAGE),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the preferences."""
        known = await self._preferences.get(user_of(request).id)
        return await self._page(request, 200, known, {})

    async def _page(
        self,
        request: web.Request,
        status: int,
        preferences: Preferences,
        problems: Mapping[str, str],
    ) -> web.Response:
        return await self._shell.page(
            request,
            PROFILE,
            status,
            chosen=preferences,
            languages=LANGUAGES,
            server_zone=self._server_zone,
            problems=problems,
        )

    async def save(self, request: web.Request) -> web.Response:
        """Save the preferences; they apply to every browser of the user."""
        user = user_of(request)
        known = await self._preferences.get(user.id)
        try:
            form = PreferencesForm.model_validate(await read_form(request))
        except ValidationError as exc:
            return await self._page(request, 400, known, field_errors(exc))
        new = replace(known, zone=form.zone, language=form.language, theme=form.theme)
        await self._preferences.put(user.id, new)
        response = web.Response(status=303, headers={"Location": f"{PROFILE.path}?notice=saved"})
        # The cookie is this browser's own choice by the button of the frame: a later choice wins.
        response.set_cookie(
            THEME_COOKIE,
            form.theme,
            max_age=_COOKIE_S if form.theme else 0,
            path="/",
            samesite="Lax",
            secure=self._settings.secure,
        )
        return response
