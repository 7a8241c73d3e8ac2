"""Parses selectors and lists of labels.

Source: Prometheus documentation, "Querying basics", time series selectors.
"""

from model.labels import METRIC_NAME
from model.matchers import BadPatternError, Matcher
from promql.syntax.durations import DurationParser
from promql.syntax.lexer import LABEL_WORDS
from promql.syntax.nodes import VectorSelector
from promql.syntax.printer import quoted
from promql.syntax.strings import is_utf8, unquote


class SelectorParser(DurationParser):
    """Parses instant vector selectors without modifiers, and label lists `(a, b)`."""

    def _vector_selector(self) -> VectorSelector:
        token = self._token
        name = ""
        matchers: list[Matcher] = []
        end = token.end
        if token.kind != "{":
            self._advance()
            name = token.text
        if self._token.kind == "{":
            matchers = self._matchers()
            end = self._closing
        if name:
            matchers.append(Matcher.of(METRIC_NAME, "=", name))
        return VectorSelector(name, tuple(matchers), start=token.start, end=end)

    def _matchers(self) -> list[Matcher]:
        self._advance()
        matchers: list[Matcher] = []
        while self._token.kind != "}":
            matchers.append(self._matcher())
            if self._token.kind == ",":
                self._advance()
            elif self._token.kind != "}":
                raise self._unexpected("label matching", '"," or "}"')
        self._advance()
        return matchers

    def _matcher(self) -> Matcher:
        context = "label matching"
        name = self._token
        if name.kind not in ("identifier", "string"):
            raise self._unexpected(context, 'identifier or "}"')
        self._advance()
        label = unquote(name.text) if name.kind == "string" else name.text
        if self._token.kind not in ("=", "!=", "=~", "!~"):
            if name.kind == "string":
                return Matcher.of(METRIC_NAME, "=", label)
            raise self._unexpected(context, "label matching operator")
        operator = self._advance()
        value = self._expect("string", context, "string")
        try:
            return Matcher.of(label, operator.kind, unquote(value.text))
        except BadPatternError as exc:
            raise self._failure(str(exc), name.start, value.end) from exc

    def _grouping(self) -> tuple[str, ...]:
        context = "grouping opts"
        self._expect("(", context, '"("')
        labels: list[str] = []
        while self._token.kind != ")":
            token = self._token
            if token.kind == "string":
                labels.append(unquote(token.text))
                if not labels[-1] or not is_utf8(labels[-1]):
                    message = f"invalid label name for grouping: {quoted(labels[-1])}"
                    raise self._failure(message, token.start, token.end)
            elif token.kind in LABEL_WORDS:
                labels.append(token.text)
            else:
                raise self._unexpected(context, "label")
            self._advance()
            if self._token.kind == ",":
                self._advance()
            elif self._token.kind != ")":
                raise self._unexpected(context, '"," or ")"')
        self._advance()
        return tuple(labels)
