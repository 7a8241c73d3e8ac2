from hypothesis import given
from hypothesis import strategies as st

from model.process.terminal_text import escape_controls


def test_sequences_of_a_terminal_become_visible() -> None:
    assert escape_controls("\x1b]0;owned\x07\x9b2J") == r"\x1b]0;owned\x07\x9b2J"
    assert escape_controls("a\u202eb") == r"a\u202eb"


@given(st.text())
def test_only_tab_and_line_feed_are_left_of_the_control_characters(text: str) -> None:
    shown = escape_controls(text).replace("\t", "").replace("\n", "")
    assert not any(ord(each) < 0x20 or 0x7F <= ord(each) < 0xA0 for each in shown)
    shown.encode()


@given(st.text(st.characters(categories=["L", "N", "P", "Zs", "Sc", "Sm"])))
def test_ordinary_text_stays(text: str) -> None:
    assert escape_controls(text) == text
