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
from web.http.routing import Access, Route, Surface, principal_of, user_of
from web.http.validation import field_errors
from web.http.viewing.theme_cookie import ThemeCookie
from web.http.viewing.view import LANGUAGES
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


Theme = Literal["", "light", "dark"]


def _known_language(language: str) -> str:
    if language and language not in LANGUAGES:
        raise ValueError(f"must be one of {', '.join(LANGUAGES)}")
    return language


class PreferencesForm(DeferredModel):
    """The reader's preferences; "" leaves a choice to the browser."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: Literal["", "server", "utc"] = ""
    language: Annotated[str, AfterValidator(_known_language)] = ""
    theme: Theme = ""


class ThemeForm(DeferredModel):
    """The theme that the button of the frame chooses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    theme: Theme


class ProfilePages:
    """Shows and changes the reader's preferences."""

    def __init__(
        self, preferences: PreferenceRecords, server_zone: str, shell: Shell, settings: WebSettings
    ) -> None:
        self._preferences, self._server_zone = preferences, server_zone
        self._shell, self._theme_cookie = shell, ThemeCookie(settings.secure)

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            self._shell.route(PROFILE, self.show),
            Route("POST", PROFILE.path, self.save, Access.USER, Surface.PAGE),
            Route("POST", "/settings/theme", self.choose_theme, Access.VIEWER, Surface.PAGE),
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
        self._theme_cookie.write(response, form.theme)
        return response

    async def choose_theme(self, request: web.Request) -> web.Response:
        """Save the theme that the button of the frame has chosen.

        The anonymous viewer has no preferences: the browser alone keeps the theme.
        """
        theme = ThemeForm.model_validate(await read_form(request)).theme
        principal = principal_of(request)
        if principal.user is not None and principal.may(Access.USER):
            known = await self._preferences.get(principal.user.id)
            await self._preferences.put(principal.user.id, replace(known, theme=theme))
        response = web.Response(status=204)
        self._theme_cookie.write(response, theme)
        return response
