"""`/design`: the tokens, icons and components of the pages, in the theme that is open.

The page reads them from where all pages take them, so that it cannot go out of date: tokens from
the style sheet, icons and components from their templates.
"""

import re
from typing import Final

from aiohttp import web

from web.http.assets import FOLDER
from web.http.pages import Page
from web.http.routing import Access, Route
from web.live.shell import Shell

DESIGN: Final = Page(
    path="/design",
    title="Design",
    template="design/page.html",
    access=Access.ADMIN,
    parent="/account",
)

_TOKEN: Final = re.compile(r"^ +--([a-z0-9-]+): ([^;]+);", re.MULTILINE)
_ICON: Final = re.compile(r'name == "([a-z_]+)"')
_GROUPS: Final = (
    ("Surfaces", ("paper", "surface", "sunken", "hover", "rule", "rule-strong")),
    ("Text", ("ink", "ink-soft", "ink-faint", "link", "brand", "focus")),
    ("States", ("up", "quiet", "bar")),
    ("Warning", ("warning", "warning-fill", "warning-tint")),
    ("Critical", ("critical", "critical-fill", "critical-tint")),
    ("Lines of charts", tuple(f"line-{number}" for number in range(1, 9))),
)
_SIZES: Final = ("h1", "h2", "h3", "body", "small")
_SPACES: Final = (4, 8, 12, 16, 20, 26, 32)


class DesignPages:
    """Shows the design."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        tokens = dict(_TOKEN.findall((FOLDER / "redshank.css").read_text()))
        self._groups = [
            (title, [(name, tokens[name]) for name in names]) for title, names in _GROUPS
        ]
        icons = (FOLDER.parent / "http" / "templates" / "icons.html").read_text()
        self._icons = list(dict.fromkeys(_ICON.findall(icons)))

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (self._shell.route(DESIGN, self.show),)

    async def show(self, request: web.Request) -> web.Response:
        """Show the page."""
        return await self._shell.page(
            request,
            DESIGN,
            groups=self._groups,
            icons=self._icons,
            sizes=_SIZES,
            spaces=_SPACES,
        )
