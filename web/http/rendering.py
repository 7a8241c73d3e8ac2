"""HTML by jinja2: a template is compiled when it is first rendered, and escapes every value."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web
from jinja2 import Environment, FunctionLoader, StrictUndefined

from web.http import filters
from web.http.assets import Assets
from web.http.failures import Failure
from web.http.host_paths import host_path
from web.http.responses import html_response
from web.http.routing import REQUEST_ID, Access, principal_of

_PACKAGE: Final = Path(__file__).parents[1]

THEME_COOKIE: Final = "redshank_theme"
_THEMES: Final = frozenset({"light", "dark"})


def _feature_templates() -> FunctionLoader:
    """Return a loader that finds `hosts/page.html` in `web/hosts/templates/page.html`.

    It reads all files now: rendering must not wait for the disk.
    """
    sources = {
        f"{path.parts[-3]}/{path.name}": (path.read_text(), str(path), None)
        for path in _PACKAGE.glob("*/templates/*.html")
    }
    return FunctionLoader(sources.get)


@dataclass(frozen=True, slots=True)
class Renderer:
    """Renders templates with the values of every page: the sender, the theme, the path."""

    environment: Environment
    version: str

    @staticmethod
    def templates(assets: Assets) -> Environment:
        """Return the templates, each compiled at its first use: a few ms each.

        All of them would take 0.3 s of each start, and 4 MB where nobody opens their pages.
        """
        environment = Environment(
            loader=_feature_templates(),
            autoescape=True,
            auto_reload=False,
            cache_size=-1,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(asset=assets.url, host_path=host_path)
        environment.filters.update(filters.FILTERS, path_part=partial(quote, safe=""))
        return environment

    def text(self, request: web.Request, template: str, values: Mapping[str, Any]) -> str:
        """Return a rendered template."""
        principal = principal_of(request)
        theme = request.cookies.get(THEME_COOKIE, "")
        return self.environment.get_template(template).render(
            principal=principal,
            may_edit=principal.user is not None and principal.may(Access.EDITOR),
            may_manage=principal.user is not None and principal.may(Access.ADMIN),
            theme=theme if theme in _THEMES else "",
            version=self.version,
            **{"path": request.path, **values},
        )

    def page(
        self, request: web.Request, template: str, status: int = 200, /, **values: Any
    ) -> web.Response:
        """Return a rendered template as a response."""
        return html_response(self.text(request, template, values), status)

    def error_page(self, request: web.Request, failure: Failure) -> str:
        """Return the HTML page of an error."""
        return self.text(
            request,
            "http/error.html",
            {
                "status": failure.status,
                "message": failure.message,
                "request_id": "" if failure.expected else request.get(REQUEST_ID, ""),
            },
        )
