"""What a reader's preferences, cookies and headers choose together."""

from collections.abc import Iterator

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from storage.api.people.preferences import Preferences
from web.http import filters
from web.http.viewing.view import (
    LANGUAGES,
    PREFERENCES,
    VIEW,
    View,
    accepted_language,
    view_of,
)

NOON_MS = 1_763_820_000_000  # 2025-11-22 14:00 UTC


@pytest.fixture
def german() -> Iterator[None]:
    token = VIEW.set(View(language="de", zone="Europe/Berlin"))
    yield
    VIEW.reset(token)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr-CH, fr;q=0.9, es;q=0.3, de;q=0.2", "es"),
        ("fr", "en"),
        ("de;q=0, es;q=0.1", "es"),
        ("de;q=2", "en"),
        ("de;q=x, es", "es"),
        ("*", "en"),
    ],
)
def test_browsers_header_chooses_among_the_languages(header: str, language: str) -> None:
    assert accepted_language(header) == language


@given(st.text(max_size=300))
def test_any_header_chooses_a_language(header: str) -> None:
    assert accepted_language(header) in LANGUAGES


@pytest.mark.parametrize(
    ("preferences", "headers", "view"),
    [
        (Preferences(), {}, View("en", "", "")),
        (Preferences("utc", "es", "dark"), {}, View("es", "dark", "UTC")),
        (Preferences("server"), {"Accept-Language": "de"}, View("de", "", "Asia/Tokyo")),
        (Preferences(language="en"), {"Accept-Language": "de"}, View("en", "", "")),
        (Preferences(theme="dark"), {"Cookie": "redshank_theme=light"}, View("en", "dark", "")),
        (Preferences(), {"Cookie": "redshank_theme=light"}, View("en", "", "")),
        (None, {"Cookie": "redshank_theme=light"}, View("en", "light", "")),
        (None, {"Cookie": "redshank_theme=x"}, View("en", "", "")),
        (Preferences("Mars", "xx", "pink"), {}, View("en", "", "")),
    ],
)
def test_preferences_win_over_the_browser(
    preferences: Preferences | None, headers: dict[str, str], view: View
) -> None:
    request = make_mocked_request("GET", "/", headers=headers)
    if preferences is not None:
        request[PREFERENCES] = preferences
    assert view_of(request, "Asia/Tokyo") == view


def test_times_are_in_utc_where_the_browser_converts_them() -> None:
    assert filters.zoned_time(NOON_MS) == "2025-11-22 14:00 UTC"


@pytest.mark.usefixtures("german")
def test_times_and_numbers_follow_the_reader() -> None:
    assert filters.zoned_time(NOON_MS) == "2025-11-22 15:00 CET"
    assert filters.zoned_time(None) == filters.UNKNOWN
    assert filters.size(16_750_000_000) == "15,6 GiB"
    assert filters.speed(1_234_000) == "1,2 MB/s"
    assert filters.count(204_800) == "204.800"
    assert filters.number(0.5) == "0,50"
    assert filters.seconds(1.317) == "1,32 s"
    assert filters.value(25_280_000_000) == "25,28 G"
    # The values of fields keep the point that they are read with.
    assert filters.plain(0.5) == "0.5"
