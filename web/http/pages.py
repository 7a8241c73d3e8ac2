"""The registry of pages: title, route, role, place in the navigation and notices of each.

A feature declares a `Page` beside its handlers; one line in `web/pages.py` adds the
feature to the application, and the frame's navigation follows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from web.http.routing import Access, Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page within the frame.

    Attributes:
        path: the path of its route.
        title: in the title bar of the browser and in the navigation.
        template: renders the page.
        access: who may see the page, and its entry in the navigation.
        position: of its entry in the navigation, in ascending order; None for no entry.
        parent: the path of the page whose entry is marked while this page is open.
        badge: a template that is rendered within the entry.
        notices: what the page may say once after a form, by the `notice` of its URL.
    """

    path: str
    title: str
    template: str
    access: Access = Access.VIEWER
    position: int | None = None
    parent: str | None = None
    badge: str | None = None
    notices: Mapping[str, str] = field(default_factory=dict)

    @property
    def entry(self) -> str:
        """The path of the navigation entry that is marked while this page is open."""
        return self.parent or self.path


class PageRegistry:
    """All pages of the application."""

    def __init__(self) -> None:
        self._pages: dict[str, Page] = {}

    def add(self, page: Page) -> None:
        """Add a page.

        Raises:
            ValueError: another page has its path or its position.
        """
        for other in self._pages.values():
            if other.path == page.path:
                raise ValueError(f"two pages have the path {page.path}")
            if page.position is not None and other.position == page.position:
                raise ValueError(f"{page.path} and {other.path} have the same position")
        self._pages[page.path] = page

    def openable(self, principal: Principal) -> tuple[Page, ...]:
        """Return the pages that the sender may open by their path alone, by title."""
        found = (
            page
            for page in self._pages.values()
            if "{" not in page.path and principal.may(page.access)
        )
        return tuple(sorted(found, key=lambda page: page.title.casefold()))

    def navigation(self, principal: Principal) -> tuple[Page, ...]:
        """Return the pages with an entry in the navigation that the sender may see, in order."""
        entries = [
            (page.position, page)
            for page in self._pages.values()
            if page.position is not None and principal.may(page.access)
        ]
        return tuple(page for _, page in sorted(entries, key=lambda entry: entry[0]))
