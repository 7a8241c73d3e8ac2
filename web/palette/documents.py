"""JSON documents of the command palette."""

from typing import Literal

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

PaletteKind = Literal["action", "alert", "dashboard", "host", "metric", "page", "project", "rule"]


class PaletteEntryDocument(TypedDict):
    """Something to open or to do.

    `href` is the address that opens it. Instead, `action` names what the page does itself:
    `theme` switches the theme, `shortcuts` lists the keys, `logout` ends the session.
    """

    kind: PaletteKind
    title: str
    detail: str
    href: str | None
    action: Literal["theme", "shortcuts", "logout"] | None


class PaletteDocument(TypedDict):
    """The entries that match, the best first; `more` if there are others."""

    entries: list[PaletteEntryDocument]
    more: bool
