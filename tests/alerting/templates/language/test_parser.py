import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.errors import TemplateError
from alerting.templates.language import nodes
from alerting.templates.language.parser import TemplateParser

FUNCTIONS = ("print", "len")


def tree(text: str) -> nodes.ListNode:
    return TemplateParser("t", text, FUNCTIONS).parse()["t"]


@pytest.mark.parametrize(
    "text",
    [
        "a {{.x.y}} b",
        "{{$x := 1 | print 2}}{{$x = .}}",
        "{{if .a}}b{{else}}{{if .c}}d{{end}}{{end}}",
        "{{range $i, $e := .a}}{{break}}{{continue}}{{else}}x{{end}}",
        "{{with (len .a).b}}{{nil | print}}{{end}}",
        '{{template "a" .}}{{template "b"}}',
        "{{'a'}}{{1.5e3}}{{`raw`}}{{true}}{{$}}",
    ],
)
def test_a_tree_is_written_as_its_source(text: str) -> None:
    assert str(tree(text)) == text


def test_defined_templates_stand_beside_their_own() -> None:
    parser = TemplateParser("t", '{{define "a"}}x{{end}}{{block "b" .}}y{{end}}z', FUNCTIONS)
    assert {name: str(tree) for name, tree in parser.parse().items()} == {
        "a": "x",
        "b": "y",
        "t": '{{template "b" .}}z',
    }


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{{foo}}", 'function "foo" not defined'),
        ("{{$x}}", 'undefined variable "$x"'),
        ("{{if true}}{{$x := 1}}{{end}}{{$x}}", 'undefined variable "$x"'),
        ('{{$x := 1}}{{define "a"}}{{$x}}{{end}}', 'undefined variable "$x"'),
        ("{{1.x}}", "bad number syntax"),
        ("{{true.x}}", 'unexpected . after term "true"'),
        ("{{range $a, $b, $c := .}}{{end}}", "too many declarations in range"),
        ("{{$a, $b := .}}", "too many declarations in command"),
        ("{{range $a, 1}}{{end}}", "range can only initialize variables"),
        ("{{if .}}{{else}}{{else}}{{end}}", "expected end; found {{else}}"),
        ('{{define "a"}}x{{end}}{{define "a"}}y{{end}}', "multiple definition of template"),
        ("{{define 1}}", 'unexpected "1" in define clause'),
        ("{{template 1}}", 'unexpected "1" in template clause'),
        ("{{print (print) )}}", "unexpected right paren"),
        ("{{range .}}{{else if .}}{{end}}", "unexpected <if> in input"),
        ("{{if .}}{{else with .}}{{end}}", "unexpected <with> in input"),
    ],
)
def test_errors_are_those_of_go(text: str, error: str) -> None:
    with pytest.raises(TemplateError) as caught:
        tree(text)
    assert str(caught.value).startswith("template: t:1: ")
    assert error in str(caught.value)


_PIECES = (
    "{{",
    "}}",
    "if",
    "else",
    "end",
    "range",
    "with",
    "(",
    ")",
    "|",
    "$x",
    ":=",
    ".",
    "1",
    " ",
)


@given(st.lists(st.sampled_from(_PIECES)).map("".join))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parsed = tree(text)
    except TemplateError:
        return
    assert next(nodes.walk(parsed)) is parsed
