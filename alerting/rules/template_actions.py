"""Expressions inside the actions of templates, the text between `{{` and `}}`.

Source: Go, package text/template.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from alerting.errors import TemplateError
from alerting.rules.go_format import PrintValue
from alerting.rules.template_functions import FUNCTIONS
from model.labels import Labels

MAX_DEPTH = 50

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
_FIELDS = {
    "Labels": "labels",
    "Value": "value",
    "ExternalURL": "externalURL",
    "ExternalLabels": "externalLabels",
}


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


class ActionParser:
    """Parses one action by recursive descent."""

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
        """Return the expression.

        Raises:
            TemplateError: it is malformed or uses an unsupported feature.
        """
        expression = self._pipeline()
        if self._peek()[0] != "end":
            raise self._error(f"unexpected {self._peek()[1]!r}")
        return expression

    def _pipeline(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
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
