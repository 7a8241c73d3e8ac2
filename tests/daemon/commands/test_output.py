"""Parse errors are shown with a mark below their place."""

import pytest

from daemon.commands.output import echo, mark_parse_error, print_table


def test_the_mark_is_below_the_column_whatever_the_characters_before() -> None:
    message = 'invalid parameter "query": 2:10: parse error: unexpected identifier "y"'
    shown = mark_parse_error(message, '1 +\n{"\u00e9"} + y')
    assert shown.splitlines()[1:] == ['  {"\u00e9"} + y', "          ^"]


def test_a_cell_neither_drives_the_terminal_nor_breaks_its_row(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(["name"], [["a\x1b[2Jb", "c\td\ne"]])
    assert capsys.readouterr().out == "a\\x1b[2Jb\tc\\td\\ne\n"


def test_a_message_does_not_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    echo("warning: \x9b31m")
    assert capsys.readouterr().out == "warning: \\x9b31m\n"
