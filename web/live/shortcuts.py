"""The keys that open pages: `g` and a letter. The frame lists them, its script follows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from web.http.pages import Page

_LETTERS: Final = {
    "h": "/",
    "a": "/alerts",
    "r": "/alert-rules",
    "m": "/silences",
    "d": "/dashboards",
    "e": "/explore",
    "p": "/projects",
    "s": "/sessions",
    "t": "/targets",
    "o": "/store",
    "u": "/account",
}
"""The letter after `g`, and the path of the page that it opens."""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A letter after `g`, and the page that it opens."""

    letter: str
    title: str
    path: str


def shortcuts_of(pages: Iterable[Page]) -> tuple[Shortcut, ...]:
    """Return the shortcuts to these pages."""
    titles = {page.path: page.title for page in pages}
    return tuple(
        Shortcut(letter, titles[path], path) for letter, path in _LETTERS.items() if path in titles
    )
