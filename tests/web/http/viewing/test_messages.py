"""Messages of errors are shown in the reader's language, those without a translation as English."""

import pytest

from web.http import filters
from web.http.viewing.messages import translated_message
from web.http.viewing.readers import viewed
from web.http.viewing.view import View


@pytest.fixture
def blockbuster() -> None:
    """Let the test read files, which blocks: no event loop waits for it."""


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("must not be empty", "darf nicht leer sein"),
        ("there is no host db-1", "es gibt keinen Host db-1"),
        ("url: is not a URL", "url: ist keine URL"),
        ("groups.0.components.1: expression: missing", "groups.0.components.1: expression: fehlt"),
        (
            "cannot connect to db-1:9100: Connection refused",
            "keine Verbindung zu db-1:9100: Verbindung abgelehnt",
        ),
        ("there is no host %(key)s", "es gibt keinen Host %(key)s"),
        ("something that nobody has translated", None),
    ],
)
def test_messages_are_found_by_their_template(message: str, expected: str | None) -> None:
    with viewed(View(language="de")):
        assert translated_message(message) == expected
    assert translated_message(message) == message


def test_a_message_without_a_translation_is_marked_as_english() -> None:
    with viewed(View(language="es")):
        assert filters.message("<b> failed") == '<span lang="en">&lt;b&gt; failed</span>'
        assert filters.message("is taken", is_sentence=True) == "Ya está en uso"
    assert filters.message("<b> failed", is_sentence=True) == "&lt;b&gt; failed"
    assert filters.message(None) == ""


def test_data_is_an_element_with_a_direction_of_its_own() -> None:
    assert filters.bdi("<db>") == "<bdi>&lt;db&gt;</bdi>"
    assert filters.bdi("") == filters.bdi(None) == ""
