"""The HTML of a live region, and what a reader of an earlier state of it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from markupsafe import Markup

ROWS: Final = Markup("<!--rows-->")
"""Where a region's template leaves room for its rows. Values are escaped, so none contains it."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class RegionHtml:
    """A region: its frame, and the rows within it.

    Attributes:
        frame: the HTML with `ROWS` in place of the rows.
        rows: the HTML of each row by the id of its element, in order; empty for a region
            that is not a list.
    """

    frame: str
    rows: Mapping[str, str] = field(default_factory=dict)

    def whole(self) -> str:
        """Return the HTML with its rows."""
        return self.frame.replace(ROWS, "".join(self.rows.values()), 1) if self.rows else self.frame


def changes_between(seen: RegionHtml | None, fresh: RegionHtml) -> Mapping[str, Any] | None:
    """Return the fields of the message that brings a reader up to date, None if nothing changed.

    A list of 1,000 hosts has a megabyte of HTML, of which few rows change in a second. `html`
    holds the region if `whole` is true, else its rows that changed; `order`, if it changed, the
    ids of all rows.

    Args:
        seen: the state that the reader has, None without one.
        fresh: the state now.
    """
    if seen is None or seen.frame != fresh.frame or seen.rows.keys() != fresh.rows.keys():
        return {"html": fresh.whole(), "whole": True}
    changed = [html for key, html in fresh.rows.items() if html != seen.rows[key]]
    order = list(fresh.rows)
    if order != list(seen.rows):
        return {"html": "".join(changed), "order": order}
    return {"html": "".join(changed)} if changed else None
