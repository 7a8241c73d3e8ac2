"""Templates of labels and annotations: a safe subset of Prometheus's language.

The subset: pipelines of `$labels`, `$labels.name`, `$value`, `$externalURL`,
`$externalLabels` (always empty) and their other forms (`.Labels`, `.Value`, ...),
literals, parentheses and the functions of `alerting.rules.template_functions`; comments;
the trim markers `{{-` and `-}}`.
Statements (`if`, `range`, `with`, `define`) and queries are errors when a rule is
loaded.

Source: Prometheus documentation, "Template reference" and "Alerting rules";
Go, package text/template.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from alerting.errors import TemplateError
from alerting.rules.go_format import PrintValue, print_value
from alerting.rules.template_functions import FUNCTIONS, FunctionError
from model.labels import Labels

_MAX_DEPTH = 50

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<variable>[$.][A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
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
_COMMENT = re.compile(r"\s*/\*.*\*/\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TemplateData:
    """The values that a template can use."""

    labels: Labels
    value: float
    external_url: str = ""


Expression = Callable[[TemplateData], PrintValue]


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template; build it with `parse_template`."""

    source: str
    _parts: tuple[str | Expression, ...] = field(compare=False, repr=False)

    def render(self, data: TemplateData) -> str:
        """Return the text; if a function fails, the text is the error, as in Prometheus."""
        try:
            return "".join(
                part if isinstance(part, str) else print_value(part(data)) for part in self._parts
            )
        except FunctionError as exc:
            return f"<error expanding template: {exc}>"


def parse_template(source: str) -> Template:
    """Parse a template.

    Raises:
        TemplateError: it is malformed or uses an unsupported feature.
    """
    parts: list[str | Expression] = []
    at, trim = 0, False
    for action in _ACTION.finditer(source):
        inner = action[1]
        text = source[at : action.start()]
        text = text.lstrip() if trim else text
        if inner[:1] == "-" and inner[1:2].isspace():
            text, inner = text.rstrip(), inner[1:]
        trim = inner[-1:] == "-" and inner[-2:-1].isspace()
        parts.append(text)
        inner = inner.removesuffix("-") if trim else inner
        if not _COMMENT.fullmatch(inner):
            parts.append(_ActionParser(source, inner).parse())
        at = action.end()
    parts.append(source[at:].lstrip() if trim else source[at:])
    if any(isinstance(part, str) and "{{" in part for part in parts):
        raise TemplateError(source, "{{ is never closed")
    return Template(source, tuple(part for part in parts if part != ""))


class _ActionParser:
    """Parses one action, the text between `{{` and `}}`, by recursive descent."""

    def __init__(self, source: str, inner: str) -> None:
        self._source = source
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
        if kind != "word":
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


def _constant(value: PrintValue) -> Expression:
    return lambda _: value
