"""The texts that the templates of one rule give."""

from alerting.rules.definitions import AlertingRule
from alerting.rules.expansion import TemplateExpander
from alerting.rules.templates import parse_template
from model.labels import Labels
from promql.api import QueryEngine
from tests.alerting.alerting_doubles import NOW_MS
from tests.promql.scripted_engine import ScriptedEngine

EXTERNAL_URL = "http://redshank.example.org/prefix"
SAMPLE = (Labels.of(instance="web-1.example.org:9100", job="node", site="a"), 91.5)


def expander(engine: QueryEngine | None = None) -> TemplateExpander:
    """Return an expander of a server with the external label `replica`."""
    return TemplateExpander(engine or ScriptedEngine(), EXTERNAL_URL, Labels.of(replica="r1"))


async def labels_of(rule: AlertingRule, sample: Labels, value: float) -> Labels:
    """Return the labels of the alert of one series."""
    [labels] = await expander().alert_labels(rule, [(sample, value)], NOW_MS)
    return labels


async def annotations_of(rule: AlertingRule, sample: Labels, value: float) -> Labels:
    """Return the annotations of the alert of one series."""
    [annotations] = await expander().annotations(rule, [(sample, value)], NOW_MS)
    return annotations


async def expanded(source: str, engine: QueryEngine | None = None) -> str:
    """Return the text of a template for `SAMPLE`."""
    rule = AlertingRule("g/A", "A", "x", annotations={"text": parse_template(source, "A")})
    [annotations] = await expander(engine).annotations(rule, [SAMPLE], NOW_MS)
    return annotations.get("text")
