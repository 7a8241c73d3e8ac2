import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.errors import TemplateError
from alerting.templates.budget import IN_THREAD
from alerting.templates.html_output import HtmlOutput
from alerting.templates.library import TemplateLibrary
from tests.alerting.templates.notifications import DATA, NOW_MS


def expanded(source: str) -> str:
    return TemplateLibrary().text(source, html=True).expand(DATA, NOW_MS, IN_THREAD.start())


# The texts are those of amtool 0.33.
@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<b>{{ (index .Alerts 0).Annotations.summary }}</b>", "<b>S &lt;1&gt;</b>"),
        ('<a href="{{ `javascript:x` }}">', '<a href="#ZgotmplZ">'),
        ('<a href="/x?q={{ `a b&c` }}">', '<a href="/x?q=a%20b%26c">'),
        ("<p title={{ `a b>` }}>", "<p title=a&#32;b&gt;>"),
        (
            '<p style="color: {{ `red` }}; x: {{ `url(1)` }}">',
            '<p style="color: red; x: ZgotmplZ">',
        ),
        ("<!-- {{ .Status }} -->x", "x"),
        ("{{ safeHtml `<i>` }}{{ html `<i>` }}{{ (dict).x }}", "<i>&lt;i&gt;"),
        ("<textarea>{{ `</textarea>` }}</textarea>", "<textarea>&lt;/textarea&gt;</textarea>"),
    ],
)
def test_values_are_escaped_for_their_place(source: str, text: str) -> None:
    assert expanded(source) == text


@pytest.mark.parametrize("source", ["<script>{{ 1 }}</script>", '<p onclick="{{ 1 }}">'])
def test_values_in_scripts_are_refused(source: str) -> None:
    with pytest.raises(TemplateError, match="is not supported"):
        expanded(source)


def test_the_default_mail_is_html_with_every_alert() -> None:
    page = expanded('{{ template "email.default.html" . }}')
    assert "<title>[FIRING:1] A (n)</title>" in page
    assert "summary = S &lt;1&gt;" in page
    assert '<a href="http://p/graph">Source</a>' in page
    assert "[1] Resolved" in page


class _Tags(HTMLParser):
    """Collects the tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, [name for name, _ in attrs]))


# Python's parser takes more characters for space than HTML does.
VALUES = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" \t\n"))


@given(VALUES)
def test_no_value_adds_a_tag_or_an_attribute(value: str) -> None:
    output = HtmlOutput()
    pieces = []
    for static in ("<p>", '</p><a href="', '" title=', "><b title='", "'>", "</b>"):
        pieces.append(output.text(static))
        if static != "</b>":
            pieces.append(output.value(value, value))
    tags = _Tags()
    tags.feed("".join(pieces))
    assert tags.found == [("p", []), ("a", ["href", "title"]), ("b", ["title"])]


@given(st.text("<>!-/ab=\"' \n"))
def test_any_text_is_written_without_comments(text: str) -> None:
    written = HtmlOutput().text(text)
    assert len(re.sub("&lt;", "<", written)) <= len(text)
