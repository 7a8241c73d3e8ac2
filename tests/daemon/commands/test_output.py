"""Parse errors are shown with a mark below their place."""

from daemon.commands.output import mark_parse_error


def test_the_mark_is_below_the_column_whatever_the_characters_before() -> None:
    message = 'invalid parameter "query": 2:10: parse error: unexpected identifier "y"'
    shown = mark_parse_error(message, '1 +\n{"\u00e9"} + y')
    assert shown.splitlines()[1:] == ['  {"\u00e9"} + y', "          ^"]
