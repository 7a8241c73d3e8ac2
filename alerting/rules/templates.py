"""Templates of the labels and annotations of alerting rules.

Source: Prometheus documentation, "Template reference" and "Alerting rules".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from alerting.errors import TemplateError
from alerting.rules.quick_templates import QuickData, compile_quickly
from alerting.templates.evaluator import TemplateEvaluator
from alerting.templates.expansion import Expansion
from alerting.templates.functions.prometheus import PROMETHEUS_FUNCTIONS
from alerting.templates.language.nodes import ListNode
from alerting.templates.language.parser import TemplateParser
from alerting.templates.values.values import LimitExceededError, StructValue
from model.labels import Labels

NO_LABELS = Labels()
_VARIABLES = {
    "$labels": "Labels",
    "$externalLabels": "ExternalLabels",
    "$externalURL": "ExternalURL",
    "$value": "Value",
}
# Prometheus parses the declarations of the variables in front of the first line.
_DECLARATIONS = "".join(f"{{{{{name} := .{field}}}}}" for name, field in _VARIABLES.items())


class AlertTemplateValue(StructValue):
    """The dot of a rule's template."""

    __slots__ = ()
    go_type = (
        "struct { Labels map[string]string; ExternalLabels map[string]string; "
        "ExternalURL string; Value interface {} }"
    )
    declared = frozenset({"Value"})


@dataclass(frozen=True, slots=True)
class TemplateData:
    """The values that a rule's template can use."""

    labels: Labels
    value: float
    external_url: str = ""
    external_labels: Labels = NO_LABELS


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template; build it with `parse_template`.

    Attributes:
        source: as written.
        name: in messages: `__alert_` and the name of the rule.
        quick: expands a template of labels and values only; None for other templates, and
            its result is None if it fails.
    """

    source: str
    name: str
    quick: Callable[[QuickData], str | None] | None = field(compare=False, repr=False)
    _trees: Mapping[str, ListNode] = field(compare=False, repr=False)

    def expand(self, data: TemplateData, expansion: Expansion) -> str:
        """Return the text; if the template fails, the text is the error, as in Prometheus.

        Raises:
            LimitExceededError: the budget is spent.
            QueryNeededError: the result of a query is needed first.
        """
        dot = AlertTemplateValue(
            Labels=data.labels,
            ExternalLabels=data.external_labels,
            ExternalURL=data.external_url,
            Value=data.value,
        )
        variables = [(name, dot.fields[of]) for name, of in _VARIABLES.items()]
        try:
            evaluator = TemplateEvaluator(self._trees, PROMETHEUS_FUNCTIONS, expansion)
            return evaluator.expand(self.name, dot, variables)
        except TemplateError as exc:
            return self.failed(exc)

    def failed(self, error: TemplateError | LimitExceededError) -> str:
        """Return the text of a template that fails."""
        return f"<error expanding template: error executing template {self.name}: {error}>"


def parse_template(source: str, alert: str = "") -> Template:
    """Parse a template of a rule.

    Args:
        source: the text.
        alert: the name of the rule, for messages.

    Raises:
        TemplateError: it is malformed.
    """
    name = f"__alert_{alert}"
    parser = TemplateParser(
        name, source, PROMETHEUS_FUNCTIONS, variables=_VARIABLES, shift=len(_DECLARATIONS)
    )
    trees = parser.parse()
    return Template(source, name, compile_quickly(trees[name]), trees)
