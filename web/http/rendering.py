"""HTML by jinja2: a template is compiled when it is first rendered, and escapes every value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from aiohttp import web
from markupsafe import Markup

from web.http import filters
from web.http.assets import Assets
from web.http.failures import Failure
from web.http.host_paths import host_path
from web.http.responses import html_response
from web.http.routing import REQUEST_ID, Access, Principal, principal_of
from web.http.viewing import texts
from web.http.viewing.view import VIEW, View, view_of

if TYPE_CHECKING:
    from jinja2 import Environment

_PACKAGE: Final = Path(__file__).parents[1]

_HEADINGS: Final = {
    400: texts.marked("The request is invalid"),
    403: texts.marked("You are not allowed to do this"),
    404: texts.marked("Not found"),
    409: texts.marked("This is not possible"),
    429: texts.marked("Too many attempts"),
}
"""The headings of error pages, by status."""


class Resources:
    """The static files and the templates; several applications may share them.

    They are read at their first use, and jinja2 is imported: without a page, no server needs
    either. A template is compiled when it is first rendered: a few ms each, 0.3 s for all.
    """

    @cached_property
    def assets(self) -> Assets:
        """The static files; blocks at its first use."""
        return Assets.read()

    @cached_property
    def templates(self) -> "Environment":
        """The templates; blocks at its first use."""
        from jinja2 import Environment, FunctionLoader, StrictUndefined
        from jinja2.ext import InternationalizationExtension

        environment = Environment(
            loader=FunctionLoader(_feature_templates()),
            autoescape=True,
            auto_reload=False,
            cache_size=-1,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[InternationalizationExtension],
        )
        # Rendering must not wait for the disk.
        texts.read_catalogues()
        environment.install_gettext_callables(  # type: ignore[attr-defined]
            texts.gettext, texts.ngettext, newstyle=True, pgettext=texts.pgettext
        )
        environment.globals.update(
            asset=self.assets.url,
            sheets=cache(self._sheets),
            module=cache(self._module),
            host_path=host_path,
        )
        environment.filters.update(filters.FILTERS, path_part=partial(quote, safe=""))
        return environment

    def _sheets(self, *names: str) -> Markup:
        """Return the tag of one style sheet that holds several.

        Each file costs a browser milliseconds, and it loads six at a time.
        """
        url = self.assets.joined_url(*names)
        return Markup('<link rel="stylesheet" href="{}">').format(url)

    def _module(self, name: str, priority: str = "") -> Markup:
        """Return the tags that run a JavaScript module and load what it imports.

        Args:
            name: the module's path.
            priority: `low` for a module that may wait for the others of the page.
        """
        url = self.assets.url
        given = f' fetchpriority="{priority}"' if priority else ""
        imported = (
            f'<link rel="modulepreload" href="{url(each)}"{given}>'
            for each in self.assets.imported(name)
        )
        script = f'<script type="module" src="{url(name)}"{given}></script>'
        return Markup("\n").join(map(Markup, (script, *imported)))

    def read(self) -> "Resources":
        """Read everything now, so that nothing blocks later; return the resources."""
        _ = self.templates
        return self


def _feature_templates() -> Callable[[str], tuple[str, str, None] | None]:
    """Return a function that finds `hosts/page.html` in `web/hosts/templates/page.html`.

    It reads all files now: rendering must not wait for the disk.
    """
    sources = {
        f"{path.parts[-3]}/{path.name}": (path.read_text(), str(path), None)
        for path in _PACKAGE.glob("*/templates/*.html")
    }
    return sources.get


@dataclass(frozen=True, slots=True)
class Renderer:
    """Renders templates with the values of every page: the sender, the theme, the path."""

    resources: Resources
    version: str
    server_zone: str = "UTC"

    def view(self, request: web.Request) -> View:
        """Return how a page looks to a request's sender."""
        return view_of(request, self.server_zone)

    def text(self, request: web.Request, template: str, values: Mapping[str, Any]) -> str:
        """Return a rendered template for a request's sender."""
        values = {"path": request.path, **values}
        return self.rendered(template, principal_of(request), self.view(request), values)

    def rendered(
        self, template: str, reader: Principal, view: View, values: Mapping[str, Any]
    ) -> str:
        """Return a rendered template for a reader; `values` hold the page's `path`."""
        token = VIEW.set(view)
        try:
            return self.resources.templates.get_template(template).render(
                principal=reader,
                may_edit=reader.user is not None and reader.may(Access.EDITOR),
                may_manage=reader.user is not None and reader.may(Access.ADMIN),
                reader_view=view,
                theme=view.theme,
                version=self.version,
                **values,
            )
        finally:
            VIEW.reset(token)

    def module(self, template: str) -> Any:
        """Return the macros of a template, which see no values but their arguments."""
        return self.resources.templates.get_template(template).module

    def page(
        self, request: web.Request, template: str, status: int = 200, /, **values: Any
    ) -> web.Response:
        """Return a rendered template as a response."""
        return html_response(self.text(request, template, values), status)

    def error_page(
        self,
        request: web.Request,
        failure: Failure,
        template: str = "http/error.html",
        values: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the HTML page of an error; `values` are further ones of its template."""
        return self.text(
            request,
            template,
            {
                "status": failure.status,
                "heading": _HEADINGS.get(failure.status, texts.marked("Something went wrong")),
                "message": failure.message,
                "request_id": "" if failure.expected else request.get(REQUEST_ID, ""),
                **(values or {}),
            },
        )
