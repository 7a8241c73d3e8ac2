"""Templates of labels and annotations: a safe subset of Prometheus's language.

The subset: pipelines of `$labels`, `$labels.name`, `$value`, `$externalURL`,
`$externalLabels` (always empty) and their other forms (`.Labels`, `.Value`, ...),
literals, parentheses and the functions of `alerting.rules.template_functions`; comments;
the trim markers `{{-` and `-}}`.
`if`, `else if`, `with`, `else` and `end` choose texts. Other statements (`range`, `define`,
variables) and queries are errors when a rule is loaded.

Source: Prometheus documentation, "Template reference" and "Alerting rules";
Go, package text/template.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from alerting.errors import TemplateError
from alerting.rules.go_format import PrintValue, print_value
from alerting.rules.template_functions import FUNCTIONS, FunctionError, is_true
from model.labels import Labels

_MAX_DEPTH = 50

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<variable>[$.][A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
      | (?P<dot>\.(?![\w.]))
      | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<raw>`[^`]*`)
      | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<word>[A-Za-z_]\w*)
      | (?P<sign>[|()])
    )""",
    re.VERBOSE | re.ASCII,
)
# Quoted text may hold braces. The alternatives begin with different characters, so the
# expression never backtracks.
_ACTION = re.compile(
    r"""\{\{((?:"(?:[^"\\]|\\.)*"|`[^`]*`|/\*.*?\*/|/|[^"`}/]|\}(?!\}))*)\}\}""", re.DOTALL
)
_FIELDS = {
    "Labels": "labels",
    "Value": "value",
    "ExternalURL": "externalURL",
    "ExternalLabels": "externalLabels",
}
_STATEMENT = re.compile(r"(if|with|else|end)\b")
_CHAINED = re.compile(r"else\s+(if|with)\b")
_COMMENT = re.compile(r"\s*/\*.*\*/\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TemplateData:
    """The values that a template can use.

    Attributes:
        dot: the value of the innermost `with`, None outside.
    """

    labels: Labels
    value: float
    external_url: str = ""
    dot: PrintValue | None = None


Expression = Callable[[TemplateData], PrintValue]


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
                    _ActionParser(self._source, text, in_with).parse() if is_action else text
                )
            elif word[1] in ("else", "end"):
                return tuple(parts), text
            else:
                parts.append(self._branch(word[1], text[word.end() :], in_with=in_with))
        return tuple(part for part in parts if part != ""), ""

    def _branch(self, kind: str, pipeline: str, *, in_with: bool) -> _Branch:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise TemplateError(self._source, "nested too deeply")
        condition = _ActionParser(self._source, pipeline, in_with).parse()
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


class _ActionParser:
    """Parses one action, the text between `{{` and `}}`, by recursive descent."""

    def __init__(self, source: str, inner: str, in_with: bool) -> None:
        self._source, self._in_with = source, in_with
        self._tokens = self._scan(inner)
        self._at = 0
        self._depth = 0

    def _scan(self, inner: str) -> list[tuple[str, str]]:
        tokens, at, inner = [], 0, inner.rstrip()
        while at < len(inner):
            match = _TOKEN.match(inner, at)
            if match is None or match.lastgroup is None:
                raise self._error(f"unexpected {inner[at:].strip()!r}")
            tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        return tokens

    def _error(self, reason: str) -> TemplateError:
        return TemplateError(self._source, reason)

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def parse(self) -> Expression:
        expression = self._pipeline()
        if self._peek()[0] != "end":
            raise self._error(f"unexpected {self._peek()[1]!r}")
        return expression

    def _pipeline(self) -> Expression:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._error("nested too deeply")
        expression = self._command(None)
        while self._peek() == ("sign", "|"):
            self._take()
            expression = self._command(expression)
        self._depth -= 1
        return expression

    def _command(self, piped: Expression | None) -> Expression:
        """Parse a function call or a single operand; `piped` becomes the last argument."""
        kind, text = self._peek()
        if kind != "word" or text in ("true", "false"):
            if piped is not None:
                raise self._error("only a function can follow |")
            return self._operand()
        self._take()
        function = FUNCTIONS.get(text)
        if function is None:
            raise self._error(f"{text!r} is not supported")
        arguments = []
        while self._peek()[0] != "end" and self._peek() not in (("sign", "|"), ("sign", ")")):
            arguments.append(self._operand())
        if piped is not None:
            arguments.append(piped)
        if not function.accepts(len(arguments)):
            raise self._error(f"wrong number of arguments for {text}: {len(arguments)}")
        call = function.call
        return lambda data: call(*(argument(data) for argument in arguments))

    def _operand(self) -> Expression:
        kind, text = self._take()
        match kind:
            case "variable":
                return self._variable(text)
            case "word" if text in ("true", "false"):
                return _constant(text == "true")
            case "dot" if self._in_with:
                return _dot
            case "string" | "raw":
                return _constant(self._literal(kind, text))
            case "number":
                # Go reads `5` as an integer and `5.0` as a float; they print differently.
                return _constant(float(text) if set(text) & set(".eE") else int(text))
            case "sign" if text == "(":
                inner = self._pipeline()
                if self._take() != ("sign", ")"):
                    raise self._error("( is never closed")
                return inner
        raise self._error(f"unexpected {text!r}" if text else "a value is missing")

    def _literal(self, kind: str, text: str) -> str:
        if kind == "raw":
            return text[1:-1]
        try:
            literal = json.loads(text)
        except json.JSONDecodeError as exc:
            raise self._error(f"bad string {text}") from exc
        return str(literal)

    def _variable(self, text: str) -> Expression:
        name, *fields = text[1:].split(".")
        root = _FIELDS.get(name, "") if text[0] == "." else name
        if text[0] == "." and self._in_with:
            raise self._error(f"{text!r} inside with is not supported: write ${text[1:].lower()}")
        match root, fields:
            case "value", []:
                return lambda data: data.value
            case "labels", []:
                return lambda data: data.labels
            case "labels", [label]:
                return lambda data: data.labels.get(label)
            case "externalURL", []:
                return lambda data: data.external_url
            case "externalLabels", []:
                return lambda _: Labels()
            case "externalLabels", [_]:
                return _constant("")
        raise self._error(f"{text!r} is not supported")


def _dot(data: TemplateData) -> PrintValue:
    assert data.dot is not None  # noqa: S101 - the parser accepts it inside `with` only.
    return data.dot


def _constant(value: PrintValue) -> Expression:
    return lambda _: value
