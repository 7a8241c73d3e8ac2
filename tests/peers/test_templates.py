"""Templates of rules give the same texts and errors as in Prometheus 3."""

import json
import math
import random
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from alerting.errors import TemplateError
from alerting.rules.quick_templates import QuickData
from alerting.rules.templates import Template, TemplateData, parse_template
from alerting.templates.budget import IN_THREAD
from alerting.templates.expansion import Expansion, QueryNeededError
from alerting.templates.functions.prometheus import query_result
from alerting.templates.language.literals import unquote
from alerting.templates.values.values import SliceValue
from model.labels import Labels
from promql.api import PromQLError
from promql.syntax.parser import parse
from tests.peers.promtool import promtool
from tests.peers.template_grammar import TemplateGrammar

pytestmark = pytest.mark.peer

TEMPLATES = [
    "{{ $value }} {{ .Value }}",
    "{{ $value | humanize }} {{ humanize1024 $value }} {{ humanizePercentage $value }}",
    "{{ humanizeDuration $value }}",
    "{{ humanizeTimestamp $value }}",
    '{{ printf "%g %v %f %e" $value $value $value $value }}',
    '{{ printf "%.2f %.3g %.0f %.10g" $value $value $value $value }}',
    '{{ printf "%.3e %E %G" $value $value $value }}',
    '{{ printf "%x %X %b %.3x" $value $value $value $value }}',
    '{{ printf "%#g %#.3g %#v %#e" $value $value $value $value }}',
    '{{ printf "%10.1f|%-10.1f|%010.1f|%+.1f|% .2f" $value $value $value $value $value }}',
    '{{ printf "%+g % g %+v %8.3v|%-8v|" $value $value $value $value $value }}',
    '{{ printf "%s %d %t" $value $value $value }}',
    '{{ printf "%5s|%-5s|%.1s|%q|%v" $labels.i $labels.i $labels.i $labels.i $labels.i }}',
    '{{ printf "%v" }}|{{ printf "x" $value }}|{{ printf "%d %x" 50 50 }}',
    "{{ 1.5 }} {{ 1e6 }} {{ 100000.0 }} {{ 12345678.0 }} {{ 5 }} {{ 1000000 }}",
    "{{ $labels }} {{ $labels.__name__ }} {{ $labels.nosuch }}",
    "{{ if gt $value 1000.0 }}a{{ else if lt $value 0.0 }}b{{ else }}c{{ end }}",
    "{{ ge $value 5.0 }} {{ gt $value 5.0 }} {{ not (le $value 5.0) }}",
    "{{ with $labels.i -}} on {{ . }} {{- end }}|{{ with $labels.x }}{{ . }}{{ else }}no{{ end }}",
    "{{ if $value }}x{{ end }}{{ if and $labels.i (not $labels.x) }} {{ or $labels.x 5 }}{{ end }}",
    '{{ eq $labels.i "a" "x y-1" }} {{ ne $value 1.0 }} {{ le $value 0.5 }} {{ len $labels.i }}',
    "{{ with $value }}{{ with $labels.i }}{{ . | toUpper }}{{ end }} {{ . | humanize }}{{ end }}",
    "{{ if true }}{{ false }}{{ end }} {{ printf `%t %v` true false }}",
    "{{ $labels.i | title }} {{ toUpper $labels.i }} {{ $labels.i | urlquery }}",
    "{{ toTime $value }} {{ (toTime $value).Unix }}",
]
VALUES = [
    *(0.0, -0.0, 1.0, -1.0, 0.5, 1e-4, 1e-5, 0.125, 0.1 + 0.2, 59.9999, 1024.0, 1536.0, 3661.0),
    *(9999.5, 1023.9999, 86_400.5, -3661.0, 99_999.95, 1e5, 123_456.7, 999_999.0, 1e6, 1_234_567.0),
    *(-1_234_567.0, 1_234_567.89, 1.7e9, 1.7e9 + 0.123, 1e15, 2.0**53, 1e16, 1e19, 5e-324),
    *(math.inf, -math.inf, math.nan),
]
OPERANDS = (
    *("$value", "$labels.i", "$labels", ".Value", ".Labels.job", "$labels.nosuch", ".", "$"),
    *("$externalLabels.rep", "$externalLabels", "$externalURL", ".Labels", "(args 1 `x`)"),
    *(
        '(query "sort(w)" | len)',
        '(query "sort(w)" | first)',
        "(args $value).arg0",
        ".Nosuch",
        "(toTime 1.5)",
    ),
)
CALLS = (
    *("humanize {}", "humanize1024 {}", "humanizeDuration {}", "humanizePercentage {}"),
    *("humanizeTimestamp {}", "toTime {}", "parseDuration {}", "title {}", "toUpper {}"),
    *("toLower {}", "stripPort {}", "stripDomain {}", "match {} {}", "safeHtml {}", "args {} {}"),
    *('match "[a-z]+" {}', 'reReplaceAll "(.)y?" "<$1>" {}', 'reReplaceAll "x*" "-" {}'),
    *("reReplaceAll {} {} {}", "graphLink {}", "tableLink {}", "label {} {}", "value {}"),
    *("strvalue {}", "first {}", 'sortByLabel "i" {}', 'label "i" {}', 'query (print "x{" {})'),
)
LISTS = (
    'query "sort(w)"',
    '(query "sort(w)" | sortByLabel "i")',
    ".Labels",
    "$labels",
    "args 1 2",
    "3",
    "0",
)
URL = "http://h.example:9090/pre"
LABELS = Labels.of(__name__="v", i="x y-1", job="node")
RESULTS: dict[str, SliceValue | str] = {
    "sort(w)": query_result(
        [
            (Labels.of(__name__="w", i="a", z="1"), 1.5),
            (Labels.of(__name__="w", i="b", z="0"), 2.5),
        ]
    ),
}


def series_value(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Inf" if value > 0 else "-Inf"


def expanded_by_promtool(
    folder: Path, templates: Sequence[str], series: Sequence[str], values: Sequence[float]
) -> list[list[str]]:
    """Return the annotations that `promtool test rules` reports for each series."""
    annotations = {f"a{number}": template for number, template in enumerate(templates)}
    rules = [
        {"alert": f"A{number}", "expr": name.partition("{")[0], "annotations": annotations}
        for number, name in enumerate(series)
    ]
    (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
    known = {'w{i="a",z="1"}': 1.5, 'w{i="b",z="0"}': 2.5}
    test = {
        "interval": "1m",
        "external_labels": {"rep": "r1"},
        "external_url": URL,
        "input_series": [
            {"series": name, "values": " ".join([series_value(value)] * 3)}
            for name, value in (*zip(series, values, strict=True), *known.items())
        ],
        "alert_rule_test": [
            {
                "eval_time": "1m",
                "alertname": rule["alert"],
                "exp_alerts": [{"exp_annotations": {"x": "y"}}],
            }
            for rule in rules
        ],
    }
    document = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]}
    (folder / "test.yml").write_text(json.dumps(document))
    done = subprocess.run(
        [promtool(), "test", "rules", "test.yml"], cwd=folder, capture_output=True, check=False
    )
    output = (done.stdout + done.stderr).decode(errors="surrogateescape")
    found: dict[str, dict[str, str]] = {}
    for match in re.finditer(
        r"alertname: (A\d+),.*?got:\[(.*?)\n            \]", output, re.DOTALL
    ):
        texts = re.findall(r'\b(a\d+)=("(?:[^"\\]|\\.)*")', match[2].partition("Annotations:")[2])
        found[match[1]] = {name: unquote(text) for name, text in texts}
    assert found, output[:2000]
    # An empty annotation is left out.
    return [
        [found[f"A{number}"].get(f"a{at}", "") for at in range(len(templates))]
        for number in range(len(series))
    ]


def evaluated(template: Template, data: TemplateData) -> str:
    """Return the text that the evaluator gives; only the queries of `RESULTS` have results."""
    results = {**RESULTS}
    while True:
        try:
            return template.expand(data, Expansion(IN_THREAD.start(), 60_000, URL, results))
        except QueryNeededError as exc:
            try:
                parse(exc.query)
            except PromQLError as error:
                results[exc.query] = str(error)
            else:
                pytest.fail(f"no result is known for the query {exc.query}")


def expanded(template: str, alert: str, labels: Labels, value: float) -> str:
    """Return our text; the quick way and the evaluator agree."""
    parsed = parse_template(template, alert)
    data = TemplateData(labels, value, URL, Labels.of(rep="r1"))
    text = evaluated(parsed, data)
    if parsed.quick is not None:
        quick = parsed.quick(QuickData(labels, value, URL, Labels.of(rep="r1")))
        assert quick is None or quick == text
    return text


def comparable(text: str) -> str:
    """Return a text without what differs in each run of Prometheus: addresses of memory."""
    return re.sub(r"0x[0-9a-f]{9,}", "0xc000000000", text)


def test_values_are_written_alike(tmp_path: Path) -> None:
    numbers = random.Random(7)
    values = [
        *VALUES,
        *(numbers.choice([-1, 1]) * 10 ** numbers.uniform(-12, 17) for _ in range(60)),
        *(float(round(10 ** numbers.uniform(0, 12))) for _ in range(40)),
    ]
    series = [f'v{number}{{i="x y-{number}"}}' for number in range(len(values))]
    theirs = expanded_by_promtool(tmp_path, TEMPLATES, series, values)
    for number, value in enumerate(values):
        labels = Labels.of(__name__=f"v{number}", i=f"x y-{number}")
        ours = [expanded(template, f"A{number}", labels, value) for template in TEMPLATES]
        assert ours == theirs[number]


@pytest.mark.parametrize("seed", range(4))
def test_generated_templates_give_the_same_texts_and_errors(seed: int, tmp_path: Path) -> None:
    grammar = TemplateGrammar(seed, OPERANDS, CALLS, LISTS)
    templates: list[str] = []
    while len(templates) < 400:
        template = grammar.template()
        if not refusal(template, "A0"):
            templates.append(template)
    name = 'v{i="x y-1",job="node"}'
    [theirs] = expanded_by_promtool(tmp_path, templates, [name], [91.5])
    different = {}
    for template, their_text in zip(templates, theirs, strict=True):
        ours = expanded(template, "A0", LABELS, 91.5)
        if "*time.Location" in their_text or "uint64=" in their_text:
            # The inside of a time, printed with a verb for numbers.
            continue
        if comparable(ours) != comparable(their_text):
            different[template] = (ours, their_text)
    assert different == {}


def refusals_of_promtool(folder: Path, templates: Sequence[str]) -> list[str]:
    """Return why `promtool check rules` refuses each template, "" if it does not."""
    rules = [
        {"alert": f"A{number}", "expr": "v", "annotations": {"a": template}}
        for number, template in enumerate(templates)
    ]
    file = folder / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
    done = subprocess.run(
        [promtool(), "check", "rules", "--lint=none", str(file)], capture_output=True, check=False
    )
    output = (done.stdout + done.stderr).decode(errors="surrogateescape")
    found = dict(
        re.findall(
            r'^\S+: group "g", rule \d+, "A(\d+)": annotation "a": (.*?)(?=^\S+: group|\Z)',
            output,
            re.DOTALL | re.MULTILINE,
        )
    )
    return [found.get(str(number), "").rstrip("\n") for number in range(len(templates))]


def refusal(template: str, alert: str) -> str:
    try:
        parse_template(template, alert)
    except TemplateError as exc:
        return str(exc)
    return ""


@pytest.mark.parametrize("seed", range(4))
def test_malformed_templates_are_refused_with_the_same_words(seed: int, tmp_path: Path) -> None:
    grammar = TemplateGrammar(seed, OPERANDS, CALLS, LISTS)
    templates = [grammar.soup() for _ in range(600)]
    templates += [grammar.template() for _ in range(100)]
    theirs = refusals_of_promtool(tmp_path, templates)
    ours = [refusal(template, f"A{number}") for number, template in enumerate(templates)]
    different = {
        template: pair
        for template, *pair in zip(templates, ours, theirs, strict=True)
        if pair[0] != pair[1].rstrip("\n")
    }
    assert different == {}
    assert sum(map(bool, theirs)) > 200
