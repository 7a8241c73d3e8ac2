"""The accent colour is readable in both themes, whatever editors choose."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from web.status_pages.accent import DARK, LIGHT, accent_sheet, contrast, readable

_COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(_COLOURS)
def test_any_colour_becomes_readable(colour: str) -> None:
    for surfaces in (LIGHT, DARK):
        found = readable(colour, surfaces)
        assert all(contrast(found, surface) >= 4.5 for surface in surfaces)


def test_a_readable_colour_stays() -> None:
    assert readable("#1d5b94", LIGHT) == "#1d5b94"
    assert accent_sheet("#1d5b94").startswith(":root { --accent: light-dark(#1d5b94, #")


def test_contrast_is_that_of_the_guidelines() -> None:
    assert round(contrast("#000000", "#ffffff"), 3) == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


def test_surfaces_are_those_of_the_style_sheet() -> None:
    sheet = (Path(__file__).parents[3] / "web/static/redshank.css").read_text()
    for name, place in (("paper", 0), ("surface", 1)):
        match = re.search(rf"--{name}: light-dark\((#\w+), (#\w+)\)", sheet)
        assert match is not None
        assert match.groups() == (LIGHT[place], DARK[place])
