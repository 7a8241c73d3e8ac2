import pytest

from alerting.errors import TemplateError
from alerting.templates.budget import IN_THREAD
from alerting.templates.library import TemplateLibrary
from tests.alerting.templates.notifications import DATA, NOW_MS


def expanded(source: str) -> str:
    return TemplateLibrary().text(source).expand(DATA, NOW_MS, IN_THREAD.start())


# The texts are those of amtool 0.33.
@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ index (list 1 2) 1 }} {{ index (dict `a` (list 3)) `a` 0 }}", "2 3"),
        ("{{ index `abc` 1 }} {{ index (dict `a` 1) `b` }}", "98 <no value>"),
        (
            "{{ slice `abcd` 1 3 }} {{ slice (list 1 2 3) 1 }} {{ slice (list 1 2) 0 1 2 }}",
            "bc [2 3] [1]",
        ),
        ("{{ len `h\u00e9` }} {{ len (dict `a` 1) }} {{ len (list) }}", "3 1 0"),
        ("{{ html `<a b='c'>&` }}", "&lt;a b=&#39;c&#39;&gt;&amp;"),
        ('{{ js "<>&=\\"x" }}', r"\u003C\u003E\u0026\u003D\"x"),
        ("{{ urlquery `a b&c~` }} {{ urlquery 1 `x` nil }}", "a+b%26c~ 1x%3Cno+value%3E"),
        ("{{ print 1 2 `a` 3 nil }}|{{ println 1 `a` }}", "1 2a3 <nil>|1 a\n"),
        ("{{ not 0 }} {{ and 1 0 2 }} {{ or 0 `` `x` }} {{ 1 | and 2 }}", "true 0 x 1"),
    ],
)
def test_functions_of_go(source: str, text: str) -> None:
    assert expanded(source) == text


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("{{ index (list 1) 1 }}", "reflect: slice index out of range"),
        ("{{ index `abc` 3 }}", "reflect: string index out of range"),
        ("{{ index (list 1) `a` }}", "cannot index slice/array with type string"),
        ("{{ index (list 1) 5 }}", "index out of range: 5"),
        ("{{ index 1 1 }}", "can't index item of type int"),
        ("{{ index nil 1 }}", "index of untyped nil"),
        ("{{ index .CommonLabels 1 }}", "value has type int; should be string"),
        ("{{ slice `abc` 2 1 }}", "invalid slice index: 2 > 1"),
        ("{{ slice `abc` 0 1 2 }}", "cannot 3-index slice a string"),
        ("{{ len 3 }}", "len of type int"),
        ("{{ len nil }}", "reflect: call of reflect.Value.Type on zero Value"),
        ("{{ call 1 }}", "non-function 1 of type int"),
    ],
)
def test_errors_of_functions_are_those_of_go(source: str, error: str) -> None:
    with pytest.raises(TemplateError) as caught:
        expanded(source)
    assert f": error calling {source.split()[1]}: {error}" in str(caught.value)
