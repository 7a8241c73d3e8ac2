"""Templates of alerts give the same text as in Prometheus 3."""

import json
import math
import random
import re
import subprocess
from pathlib import Path

import pytest

from alerting.rules.template_actions import TemplateData
from alerting.rules.templates import parse_template
from model.labels import Labels
from tests.peers.promtool import promtool

pytestmark = pytest.mark.peer

_ACTUAL = re.compile(r"alertname: (A\d+),.*?got:\[(.*?)\n            \]", re.DOTALL)
TEMPLATES = [
    "{{ $value }} {{ .Value }}",
    "{{ $value | humanize }} {{ humanize1024 $value }} {{ humanizePercentage $value }}",
    "{{ humanizeDuration $value }}",
    "{{ humanizeTimestamp $value }}",
    '{{ printf "%g %v %f %e" $value $value $value $value }}',
    '{{ printf "%.2f %.3g %.0f %.10g" $value $value $value $value }}',
    '{{ printf "%.3e %E %G" $value $value $value }}',
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
]
VALUES = [
    *(0.0, -0.0, 1.0, -1.0, 0.5, 1e-4, 1e-5, 0.125, 0.1 + 0.2, 59.9999, 1024.0, 1536.0, 3661.0),
    *(9999.5, 1023.9999, 86_400.5, -3661.0, 99_999.95, 1e5, 123_456.7, 999_999.0, 1e6, 1_234_567.0),
    *(-1_234_567.0, 1_234_567.89, 1.7e9, 1.7e9 + 0.123, 1e15, 2.0**53, 1e16),
    *(math.inf, -math.inf, math.nan),
]


def series_value(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Inf" if value > 0 else "-Inf"


def expanded_by_promtool(folder: Path, values: list[float]) -> list[dict[str, str]]:
    """Return the annotations that `promtool test rules` reports as the actual ones."""
    annotations = {f"a{number}": template for number, template in enumerate(TEMPLATES)}
    rules = [
        {"alert": f"A{number}", "expr": f"v{number}", "annotations": annotations}
        for number in range(len(values))
    ]
    (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
    test = {
        "interval": "1m",
        "input_series": [
            {
                "series": f'v{number}{{i="x y-{number}"}}',
                "values": " ".join([series_value(value)] * 3),
            }
            for number, value in enumerate(values)
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
        [promtool(), "test", "rules", "test.yml"],
        cwd=folder,
        capture_output=True,
        check=False,
        text=True,
    )
    found: dict[str, dict[str, str]] = {}
    for match in re.finditer(
        r"alertname: (A\d+),.*?got:\[(.*?)\n            \]", done.stdout + done.stderr, re.DOTALL
    ):
        texts = re.findall(r'\b(a\d+)=("(?:[^"\\]|\\.)*")', match[2].partition("Annotations:")[2])
        found[match[1]] = {name: json.loads(text) for name, text in texts}
    return [found[f"A{number}"] for number in range(len(values))]


def without_position(text: str) -> str:
    """Return an error without the position that Prometheus adds."""
    return re.sub(r"error executing template .*: error calling \w+: ", "", text)


def test_templates_are_expanded_alike(tmp_path: Path) -> None:
    numbers = random.Random(7)
    values = [
        *VALUES,
        *(numbers.choice([-1, 1]) * 10 ** numbers.uniform(-12, 17) for _ in range(60)),
        *(float(round(10 ** numbers.uniform(0, 12))) for _ in range(40)),
    ]
    for number, (value, theirs) in enumerate(
        zip(values, expanded_by_promtool(tmp_path, values), strict=True)
    ):
        data = TemplateData(Labels.of(__name__=f"v{number}", i=f"x y-{number}"), value)
        ours = {f"a{at}": parse_template(text).render(data) for at, text in enumerate(TEMPLATES)}
        assert ours == {name: without_position(text) for name, text in theirs.items()}
