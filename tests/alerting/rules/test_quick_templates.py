import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.rules.quick_templates import QuickData
from alerting.rules.templates import TemplateData, parse_template
from alerting.templates.budget import IN_THREAD
from alerting.templates.expansion import Expansion
from model.labels import Labels

SIMPLE = [
    "{{ $labels.a }} of {{ .Labels.b }} is {{ $value }}",
    "{{ $value | humanize }}{{ humanize1024 .Value }}{{ $value | humanizePercentage }}",
    "{{ humanizeDuration $value }} {{ $labels.a | title | toUpper }} {{ stripPort $labels.b }}",
    '{{ printf "%.2f" $value }}% {{ printf "%s %5.1f" $labels.a $value }}',
    '{{ $value | printf "%.0f%% %d" }} {{ $externalURL }} {{ $externalLabels.a | urlquery }}',
    '{{ if gt $value 5.0 }}high{{ else if eq $labels.a "x" }}x{{ else }}{{ 5 }}{{ end }}',
    "{{ if $labels.a }}{{ ($value | humanize) | toLower }}{{ end }}",
]


@pytest.mark.parametrize("source", SIMPLE)
@given(
    value=st.floats(),
    labels=st.dictionaries(st.sampled_from("ab"), st.text(max_size=5)),
)
def test_quick_texts_are_those_of_the_evaluator(
    source: str, value: float, labels: dict[str, str]
) -> None:
    template = parse_template(source)
    assert template.quick is not None
    data = QuickData(Labels.of(labels), value, "http://h", Labels.of(a="x&y"))
    text = template.quick(data)
    assert text in (None, template.expand(TemplateData(*data), Expansion(IN_THREAD.start())))
    assert text is not None or not math.isfinite(value)


@pytest.mark.parametrize(
    "source",
    [
        "{{ query `up` }}",
        "{{ toUpper $value }}",
        "{{ range $labels }}{{ end }}",
        "{{ $x := 1 }}",
        "{{ .Foo }}",
        "{{ 1e6 }}",
        "{{ reReplaceAll `a` `b` $labels.c }}",
        "{{ eq $value 5 }}",
        "{{ with $labels.a }}{{ . }}{{ end }}",
        "{{ $labels.a.b }}",
    ],
)
def test_other_templates_are_left_to_the_evaluator(source: str) -> None:
    assert parse_template(source).quick is None
