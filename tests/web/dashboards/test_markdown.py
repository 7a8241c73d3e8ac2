"""Markdown of text panels: what is rendered, and that hostile text stays text."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.dashboards.markdown import rendered_markdown

KNOWN = frozenset(
    {"a", "p", "h1", "h2", "h3", "h4", "h5", "h6", "em", "strong", "s", "code", "pre", "ul"}
    | {"ol", "li", "blockquote", "hr", "br", "table", "thead", "tbody", "tr", "th", "td"}
)


class _Elements(HTMLParser):
    """Collects elements and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Elements()
    parser.feed(rendered_markdown(text))
    parser.close()
    return parser.found


def test_headings_lists_tables_and_links_are_rendered() -> None:
    text = (
        "# Disk\n\n- **full** [runbook](https://example.org/r)\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    )
    html = rendered_markdown(text)
    assert "<h1>Disk</h1>" in html
    assert '<strong>full</strong> <a href="https://example.org/r">runbook</a>' in html
    assert "<td>1</td>" in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        "[x](//example.org)",
        "[x](/\\example.org)",
        "<javascript:alert(1)>",
        "![x](https://example.org/track.png)",
        "[x]: javascript:alert(1)\n\n[x]",
        "`<svg onload=alert(1)>`",
    ],
)
def test_hostile_text_stays_text(text: str) -> None:
    for name, attributes in elements(text):
        assert name in KNOWN
        href = attributes.get("href", "/%5C") or ""
        assert href.startswith(("https://example.org", "/%5C"))


@given(st.text(alphabet="<>[]()!`*_|:/\\\"'&;# \njavscriptonclk=-", max_size=80))
def test_any_text_makes_only_known_elements(text: str) -> None:
    for name, attributes in elements(text):
        assert name in KNOWN
        assert set(attributes) <= {"href", "title", "start", "class", "style"}
        href = attributes.get("href")
        assert href is None or not href.lower().startswith(("javascript:", "data:", "//", "/\\"))
