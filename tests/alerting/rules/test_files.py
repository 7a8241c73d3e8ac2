import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.errors import RuleFileError
from alerting.rules.definitions import AlertingRule, RecordingRule
from alerting.rules.files import load_rule_files, parse_rule_file
from alerting.rules.templates import parse_template
from model.labels import Labels
from tests.alerting.rules.expansions import annotations_of, labels_of

PATH = Path("rules.yml")

# From the Prometheus documentation, "Alerting rules" and "Recording rules".
EXAMPLE = """
groups:
- name: example
  interval: 30s
  limit: 10
  query_offset: 5s
  labels:
    team: myteam
  rules:
  - record: code:prometheus_http_requests_total:sum
    expr: sum by (code) (prometheus_http_requests_total)
    labels:
      tier: 1
  - alert: HighRequestLatency
    expr: job:request_latency_seconds:mean5m{job="myjob"} > 0.5
    for: 10m
    keep_firing_for: 5m
    labels:
      severity: page
    annotations:
      summary: "High request latency on {{ $labels.instance }}: {{ $value | humanize }}"
"""


def parse(expression: str) -> None:
    if "(" in expression and ")" not in expression:
        raise ValueError("1:1: parse error: unclosed (")


async def test_example_of_the_documentation_is_read() -> None:
    [group] = parse_rule_file(EXAMPLE, PATH, parse)
    assert (group.name, group.file, group.interval_ms) == ("example", "rules.yml", 30_000)
    assert (group.limit, group.offset_ms) == (10, 5_000)
    recording, alert = group.rules
    assert recording == RecordingRule(
        "code:prometheus_http_requests_total:sum",
        "sum by (code) (prometheus_http_requests_total)",
        {"team": "myteam", "tier": "1"},
    )
    assert isinstance(alert, AlertingRule)
    assert alert.identity == "example/HighRequestLatency"
    assert (alert.timing.for_ms, alert.timing.keep_firing_for_ms) == (600_000, 300_000)
    sample = Labels.of(__name__="job:request_latency_seconds:mean5m", instance="a", job="myjob")
    assert await labels_of(alert, sample, 1.5) == Labels.of(
        alertname="HighRequestLatency", instance="a", job="myjob", severity="page", team="myteam"
    )
    assert await annotations_of(alert, sample, 1500.0) == Labels.of(
        summary="High request latency on a: 1.5k"
    )


def test_additional_keys_give_hysteresis_and_no_data() -> None:
    text = """
    groups:
    - name: g
      rules:
      - alert: A
        expr: x > 5
        recovery_expr: x > 4
        data_expr: x
        no_data_for: 1m
    """
    [group] = parse_rule_file(text, PATH, parse)
    [rule] = group.rules
    assert isinstance(rule, AlertingRule)
    assert (rule.recovery, rule.data, rule.timing.no_data_for_ms) == ("x > 4", "x", 60_000)


@pytest.mark.parametrize("text", ["", "groups:", "groups: []", "# nothing\n"])
def test_empty_file_has_no_groups(text: str) -> None:
    assert parse_rule_file(text, PATH, parse) == []


# What Prometheus 3.5.3 makes of these (`/api/v1/rules`).
WRITTEN = """
groups:
- name: 5
  labels: {site: 010}
  rules:
  - alert: true
    expr: up > 0
    labels: {a: true, b: 55, c: 1.10, d: on, e: 1:30, f: 010, g: 2026-01-01, h: ~, i: , k: 0x1F}
    annotations: {a: no, b: 1_000, c: .inf, on: yes, e: }
  - {record: 1, expr: 5, labels: {team: "", z: ~}}
"""


async def test_names_labels_and_annotations_are_kept_as_written() -> None:
    [group] = parse_rule_file(WRITTEN, PATH, parse)
    assert group.name == "5"
    alert, recording = group.rules
    assert isinstance(alert, AlertingRule)
    assert alert.name == "true"
    assert {name: template.source for name, template in alert.labels.items()} == {
        "site": "010",
        "a": "true",
        "b": "55",
        "c": "1.10",
        "d": "on",
        "e": "1:30",
        "f": "010",
        "g": "2026-01-01",
        "h": "",
        "i": "",
        "k": "0x1F",
    }
    # Unlike a label, an annotation may be empty.
    assert await annotations_of(alert, Labels(), 0.0) == Labels.with_empty(
        {"a": "no", "b": "1_000", "c": ".inf", "e": "", "on": "yes"}
    )
    assert recording == RecordingRule("1", "5", {"site": "010", "team": "", "z": ""})


@pytest.mark.parametrize(
    "text",
    [
        "groups: [{name: g, rules: }]",
        "groups: [{name: g, rules: [~]}, ~]",
        "groups: [{name: g, interval: , limit: , query_offset: , labels: , rules: []}]",
        "groups: [{name: g, interval: 0s, limit: -1}]",
        "groups: [{name: g}]\n---\ngroups: [{nam: h}]",
    ],
)
def test_empty_keys_are_defaults_and_a_second_document_is_ignored(text: str) -> None:
    [group] = parse_rule_file(text, PATH, parse)
    assert (group.name, group.rules, group.interval_ms, group.limit) == ("g", (), None, 0)


def test_empty_values_of_a_rule_are_defaults() -> None:
    rule = "record: r, expr: up, alert: , for: , labels: , annotations: , keep_firing_for: 0s"
    [group] = parse_rule_file(f"groups: [{{name: g, rules: [{{{rule}}}]}}]", PATH, parse)
    assert group.rules == (RecordingRule("r", "up"),)


def test_limit_may_be_written_in_any_base_of_yaml() -> None:
    text = "groups: [{name: a, limit: 010}, {name: b, limit: 0x10}, {name: c, limit: 1_0}]"
    assert [group.limit for group in parse_rule_file(text, PATH, parse)] == [8, 16, 10]


async def test_alertname_label_of_a_rule_is_overridden_by_its_name() -> None:
    text = "groups: [{name: g, rules: [{alert: A, expr: x, labels: {alertname: b}}]}]"
    [group] = parse_rule_file(text, PATH, parse)
    [rule] = group.rules
    assert isinstance(rule, AlertingRule)
    assert await labels_of(rule, Labels(), 1.0) == Labels.of(alertname="A")


def test_empty_label_of_a_recording_rule_removes_the_label() -> None:
    rule = RecordingRule("r", "x", {"team": "", "tier": "1"})
    assert rule.labels_of(Labels.of(__name__="x", team="a", job="j")) == Labels.of(
        __name__="r", job="j", tier="1"
    )


async def test_templates_see_the_name_of_the_metric_and_the_alert_does_not_have_it() -> None:
    rule = AlertingRule("g/A", "A", "x", labels={"m": parse_template("{{ $labels.__name__ }}")})
    assert await labels_of(rule, Labels.of(__name__="x", a="b"), 1.0) == Labels.of(
        alertname="A", a="b", m="x"
    )


RULE = "groups: [{name: g, rules: [%s]}]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1", r"rules\.yml:2: did not find"),
        ("- 1", r"rules\.yml:1: a rule file holds one key, groups"),
        ("groups: []\nother: 1", r"rules\.yml:1: a rule file holds one key, groups"),
        ("groups: 5", r"rules\.yml:1: groups: must be a list"),
        ("groups: ''", r"rules\.yml:1: groups: must be a list"),
        ("groups: {}", r"rules\.yml:1: groups: must be a list"),
        (RULE % "{alert: A, expr: x, for: 500y}", "longer than 292 years"),
        ("groups: [5]", r"rules\.yml:1: group 1: "),
        ("groups: [{rules: []}]", r"group 1: name: Field required"),
        ("groups: [{name: g, color: red}]", "group 'g': color: unknown key"),
        ("groups: [{name: g}, {name: g}]", "group 'g': the name is used twice"),
        ("groups: [{name: g, name: h}]", 'key "name" stands twice'),
        ("groups: [{name: g, interval: 5}]", "group 'g': interval: \"5\" is not a duration"),
        ("groups: [{name: g, limit: few}]", "group 'g': limit: "),
        ("groups: [{name: }]", "group 1: name: Field required"),
        ("groups: [{name: g, labels: {__name__: b}}]", "labels: '__name__' cannot be set"),
        (RULE % "{alert: A, expr: x, colour: y}", r"group 'g', rule 1 \(A\): colour: unknown key"),
        (RULE % "{alert: A}", r"rule 1 \(A\): expr: the expression is missing"),
        (RULE % "{alert: A, expr: ~}", r"rule 1 \(A\): expr: the expression is missing"),
        (RULE % "{record: 'up{job=a}', expr: x}", "record: the name of a series has no braces"),
        (RULE % "{alert: A, expr: x, annotations: {'': b}}", "an annotation needs a name"),
        (RULE % "{expr: x}", "rule 1: give either record or alert"),
        (RULE % "{alert: A, record: b, expr: x}", "give either record or alert"),
        (RULE % "{record: b, expr: x, for: 5m}", r"\(b\): for: only an alerting rule has it"),
        (RULE % "{record: b, expr: x, annotations: {a: b}}", "annotations: only an alerting rule"),
        (RULE % "{alert: A, expr: 'sum(x'}", r"\(A\): expr: 1:1: parse error: unclosed"),
        (RULE % "{alert: A, expr: x, recovery_expr: '('}", "recovery_expr: 1:1: parse error"),
        (RULE % "{alert: A, expr: x, for: soon}", 'for: .*"soon" is not a duration'),
        (RULE % "{alert: A, expr: x, labels: {__name__: b}}", "labels: '__name__' cannot be set"),
        (
            RULE % "{alert: A, expr: x, labels: {a: '{{ range }}'}}",
            "labels: a: template: __alert_A:1: missing value for range",
        ),
        (
            RULE % "{alert: A, expr: x, annotations: {s: '{{'}}",
            "annotations: s: template: __alert_A:1: unclosed action",
        ),
        (RULE % "{alert: A, expr: x}, {alert: B, x: 1}", r"rule 2 \(B\)"),
    ],
)
def test_invalid_rule_file_is_rejected_with_the_line(text: str, message: str) -> None:
    with pytest.raises(RuleFileError, match=message):
        parse_rule_file(text, PATH, parse)


def test_all_mistakes_are_reported_at_once_with_their_lines() -> None:
    text = EXAMPLE.replace("limit: 10", "limits: 10").replace("for: 10m", "for: soon")
    text += "- name: other\n  rules:\n  - {alert: A, expr: (}\n  - {alert: B, expr: x, y: z}\n"
    with pytest.raises(RuleFileError) as caught:
        parse_rule_file(text, PATH, parse)
    assert str(caught.value).splitlines() == [
        "rules.yml:5: group 'example': limits: unknown key",
        "rules.yml:24: group 'other', rule 1 (A): expr: 1:1: parse error: unclosed (",
        "rules.yml:25: group 'other', rule 2 (B): y: unknown key",
    ]


@given(st.text() | st.text("groups:{}[]- \nam&*<?!'\"#|>1"))
def test_any_text_is_read_or_rejected(text: str) -> None:
    with contextlib.suppress(RuleFileError):
        parse_rule_file(text, PATH, parse)


def write(path: Path, *rules: str) -> Path:
    path.write_text(RULE % ", ".join(rules))
    return path


def test_rules_with_one_name_get_identities_from_their_labels_in_any_order(tmp_path: Path) -> None:
    rules = [f"{{alert: A, expr: x, labels: {{severity: {s}}}}}" for s in ("warning", "critical")]
    one = load_rule_files([write(tmp_path / "a.yml", *rules)], parse)
    other = load_rule_files([write(tmp_path / "a.yml", *reversed(rules))], parse)
    identities = [{rule.identity for rule in groups[0].rules} for groups in (one, other)]  # type: ignore[union-attr]
    assert identities[0] == identities[1]
    assert identities[0] == {'g/A{severity="warning"}', 'g/A{severity="critical"}'}


def test_duplicate_rules_get_distinct_identities(tmp_path: Path) -> None:
    files = [write(tmp_path / name, *["{alert: A, expr: x}"] * 2) for name in ("a.yml", "b.yml")]
    groups = load_rule_files(files, parse)
    identities = [rule.identity for group in groups for rule in group.rules]  # type: ignore[union-attr]
    assert len(set(identities)) == 4


def test_group_called_host_does_not_take_over_the_host_checks(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_text("groups: [{name: host, rules: [{alert: cpu, expr: x}]}]")
    [group] = load_rule_files([path], parse)
    assert [rule.identity for rule in group.rules] == ["host/cpu{}"]  # type: ignore[union-attr]


def test_error_about_an_unreadable_file_names_it(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match=r"none\.yml"):
        load_rule_files([tmp_path / "none.yml"], parse)
    (tmp_path / "bytes.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RuleFileError, match=r"bytes\.yml"):
        load_rule_files([tmp_path / "bytes.yml"], parse)


@pytest.mark.peer
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_accepts_the_example_too(tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    # Group labels and query offsets are younger than Debian's promtool.
    old = EXAMPLE.replace("  labels:\n    team: myteam\n", "").replace("  query_offset: 5s\n", "")
    path.write_text(old)
    result = subprocess.run(["promtool", "check", "rules", str(path)], capture_output=True)
    assert result.returncode == 0, result.stderr
    [group] = load_rule_files([path], parse)
    assert len(group.rules) == 2
