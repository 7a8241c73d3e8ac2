"""Markdown of text panels as HTML: no HTML of its own, no images, only addresses of the web.

The page copies the result element by element, so that two checks must fail before a text of a
dashboard becomes a script.
"""

import re
from typing import Final

from markdown_it import MarkdownIt

# Relative addresses, pages of this server, and the web. "\" counts as "/" in an address.
_ADDRESS: Final = re.compile(r"(https?://|/(?![/\\])|#|d/|mailto:)", re.IGNORECASE)


def rendered_markdown(text: str) -> str:
    """Return the HTML of a text panel's Markdown."""
    parser = _SafeMarkdown("commonmark", {"html": False, "maxNesting": 30})
    parser.enable(["table", "strikethrough"]).disable("image")
    found: str = parser.render(text)
    return found


class _SafeMarkdown(MarkdownIt):
    """A parser whose links lead to the web only."""

    def validateLink(self, url: str) -> bool:  # noqa: N802
        """Return whether an address becomes a link."""
        return _ADDRESS.match(url.strip()) is not None
