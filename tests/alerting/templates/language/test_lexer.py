import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.templates.language.lexer import Lexer, TemplateToken, TokenKind


def tokens(text: str) -> list[TemplateToken]:
    lexer = Lexer(text)
    found = [lexer.next_token()]
    while found[-1].kind not in (TokenKind.EOF, TokenKind.ERROR):
        found.append(lexer.next_token())
    return found


def texts(text: str) -> list[str]:
    return [token.text for token in tokens(text)]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a {{ .b }} c", ["a ", "{{", " ", ".b", " ", "}}", " c", ""]),
        ("a {{- .b -}} c", ["a", "{{", ".b", "}}", "c", ""]),
        ("a{{/* b */}}c", ["a", "c", ""]),
        ("a {{- /* b */ -}} c", ["a", "c", ""]),
        ("{{$x:=1|f}}", ["{{", "$x", ":=", "1", "|", "f", "}}", ""]),
        ("{{.a.b $ .}}", ["{{", ".a", ".b", " ", "$", " ", ".", "}}", ""]),
        ('{{(1) `}}` \'"\' "\\""}}', None),
        ("{{-3}}", ["{{", "-3", "}}", ""]),
        ("{{ 1+2i }}", ["{{", " ", "1+2i", " ", "}}", ""]),
    ],
)
def test_pieces_of_a_template(text: str, pieces: list[str] | None) -> None:
    if pieces is None:
        pieces = ["{{", "(", "1", ")", " ", "`}}`", " ", "'\"'", " ", '"\\""', "}}", ""]
    assert texts(text) == pieces


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{{", "unclosed action"),
        ("{{/* a", "unclosed comment"),
        ("{{/* a */ }}", "comment ends before closing delimiter"),
        ("{{ a# }}", "bad character U+0023 '#'"),
        ("{{ 3k }}", 'bad number syntax: "3k"'),
        ("{{ 'a }}", "unterminated character constant"),
        ("{{ `a }}", "unterminated raw quoted string"),
        ("{{ (a }}", "unclosed left paren"),
        ("{{ ) }}", "unexpected right paren"),
        ("{{ : }}", "expected :="),
        ("{{ \u20ac }}", "unrecognized character in action: U+20AC '\u20ac'"),
    ],
)
def test_errors_are_those_of_go(text: str, error: str) -> None:
    assert texts(text)[-1] == error


def test_tokens_know_their_line() -> None:
    lines = [(token.text, token.line) for token in tokens("a\n{{ b\n }}\nc")]
    assert lines == [
        ("a\n", 1),
        ("{{", 2),
        (" ", 2),
        ("b", 2),
        ("\n ", 2),
        ("}}", 3),
        ("\nc", 3),
        ("", 4),
    ]


@given(st.text("{}-/*.$|()'`\"a1 \n:="))
def test_any_text_ends_with_one_last_token(text: str) -> None:
    assert len(tokens(text)) <= len(text) + 1
