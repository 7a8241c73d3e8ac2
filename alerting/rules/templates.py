"""Templates of labels and annotations: a safe subset of Prometheus's language.

The subset: pipelines of `$labels`, `$labels.name`, `$value`, `$externalURL`,
`$externalLabels` (always empty) and their other forms (`.Labels`, `.Value`, ...),
literals, parentheses and the functions of `alerting.rules.template_functions`; comments;
the trim markers `{{-` and `-}}`; `if`, `else if`, `with`, `else` and `end`. Other statements
(`range`, `define`, variables) and queries are errors when a rule is loaded.

Source: Prometheus documentation, "Template reference" and "Alerting rules";
Go, package text/template.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from alerting.errors import TemplateError
from alerting.rules.go_format import print_value
from alerting.rules.template_actions import MAX_DEPTH, ActionParser, Expression, TemplateData
from alerting.rules.template_functions import FunctionError, is_true

# Quoted text may hold braces. The alternatives begin with different characters, so the
# expression never backtracks.
_ACTION = re.compile(
    r"""\{\{((?:"(?:[^"\\]|\\.)*"|`[^`]*`|/\*.*?\*/|/|[^"`}/]|\}(?!\}))*)\}\}""", re.DOTALL
)
_STATEMENT = re.compile(r"(if|with|else|end)\b")
_CHAINED = re.compile(r"else\s+(if|with)\b")
_COMMENT = re.compile(r"\s*/\*.*\*/\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Branch:
    """`if` or `with`: one of two texts; `with` makes its value the dot of the first."""

    condition: Expression
    then: "Parts"
    otherwise: "Parts"
    is_with: bool

    def render(self, data: TemplateData) -> str:
        value = self.condition(data)
        if not is_true(value):
            return _rendered(self.otherwise, data)
        return _rendered(self.then, replace(data, dot=value) if self.is_with else data)


Parts = tuple[str | Expression | _Branch, ...]


def _rendered(parts: Parts, data: TemplateData) -> str:
    texts = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, _Branch):
            texts.append(part.render(data))
        else:
            texts.append(print_value(part(data)))
    return "".join(texts)


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template; build it with `parse_template`."""

    source: str
    _parts: Parts = field(compare=False, repr=False)

    def render(self, data: TemplateData) -> str:
        """Return the text; if a function fails, the text is the error, as in Prometheus."""
        try:
            return _rendered(self._parts, data)
        except FunctionError as exc:
            return f"<error expanding template: {exc}>"


def parse_template(source: str) -> Template:
    """Parse a template.

    Raises:
        TemplateError: it is malformed or uses an unsupported feature.
    """
    parser = _BlockParser(source, _pieces(source))
    parts, closing = parser.parts()
    if closing:
        raise TemplateError(source, f"{closing.split()[0]!r} without if or with")
    return Template(source, parts)


def _pieces(source: str) -> Iterator[tuple[bool, str]]:
    """Yield each text and each action, the actions with True; comments are left out.

    Raises:
        TemplateError: an action is never closed.
    """
    at, trim = 0, False
    for action in _ACTION.finditer(source):
        inner = action[1]
        text = source[at : action.start()]
        text = text.lstrip() if trim else text
        if inner[:1] == "-" and inner[1:2].isspace():
            text, inner = text.rstrip(), inner[1:]
        trim = inner[-1:] == "-" and inner[-2:-1].isspace()
        yield False, _closed(source, text)
        inner = inner.removesuffix("-") if trim else inner
        if not _COMMENT.fullmatch(inner):
            yield True, inner.strip()
        at = action.end()
    yield False, _closed(source, source[at:].lstrip() if trim else source[at:])


def _closed(source: str, text: str) -> str:
    if "{{" in text:
        raise TemplateError(source, "{{ is never closed")
    return text


class _BlockParser:
    """Parses texts, actions and nested blocks."""

    def __init__(self, source: str, pieces: Iterator[tuple[bool, str]]) -> None:
        self._source, self._pieces = source, pieces
        self._depth = 0

    def parts(self, *, in_with: bool = False) -> tuple[Parts, str]:
        """Return the parts up to `else`, `end` or the end, and the action that closes them."""
        parts: list[str | Expression | _Branch] = []
        for is_action, text in self._pieces:
            word = _STATEMENT.match(text) if is_action else None
            if word is None:
                parts.append(
                    ActionParser(self._source, text, in_with).parse() if is_action else text
                )
            elif word[1] in ("else", "end"):
                return tuple(parts), text
            else:
                parts.append(self._branch(word[1], text[word.end() :], in_with=in_with))
        return tuple(part for part in parts if part != ""), ""

    def _branch(self, kind: str, pipeline: str, *, in_with: bool) -> _Branch:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TemplateError(self._source, "nested too deeply")
        condition = ActionParser(self._source, pipeline, in_with).parse()
        then, closing = self.parts(in_with=in_with or kind == "with")
        otherwise: Parts = ()
        chained = _CHAINED.match(closing)
        if chained is not None:
            # `else if` shares the `end` of its `if`.
            otherwise = (self._branch(chained[1], closing[chained.end() :], in_with=in_with),)
        elif closing == "else":
            otherwise, closing = self.parts(in_with=in_with)
        if chained is None and closing != "end":
            raise TemplateError(self._source, f"{kind} is never closed with end")
        self._depth -= 1
        return _Branch(condition, then, otherwise, kind == "with")
