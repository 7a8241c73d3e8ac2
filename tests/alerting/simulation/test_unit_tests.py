import asyncio
import re
from pathlib import Path

import pytest

from alerting.simulation.immediate_engine import ImmediateEngine
from alerting.simulation.junit import junit_xml
from alerting.simulation.outcomes import FileOutcome
from alerting.simulation.unit_tests import RuleUnitTests
from promql.engine import EngineSettings
from promql.syntax.parser import parse
from storage.api.samples import SampleReader

RULES = """
groups:
- name: first
  labels: {team: ops}
  rules:
  - {record: doubled, expr: 2 * load}
  - alert: High
    expr: doubled > 5
    for: 2m
    labels: {severity: page}
    annotations:
      summary: "{{ $labels.i }} at {{ $value }} {{ $externalLabels.site }}{{ $externalURL }}"
      empty: ""
  - {record: firing, expr: 'count(ALERTS{alertstate="firing"})'}
- name: second
  rules: [{record: late, expr: absent(firing) or firing}]
"""


def engine(reader: SampleReader, step_ms: int) -> ImmediateEngine:
    return ImmediateEngine(reader, EngineSettings(threads=1, default_step_ms=step_ms))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.yml").write_text(RULES)
    return tmp_path


def outcome(
    folder: Path, text: str, *, rules: str = "rules.yml", ignore_unknown: bool = False
) -> FileOutcome:
    file = folder / "unit.yml"
    file.write_text(f"rule_files: [{rules}]\n{text}")
    tests = RuleUnitTests(parse, engine, ignore_unknown=ignore_unknown)
    return asyncio.run(tests.load(file).run())


LOAD = """
tests:
- input_series: [{series: 'load{i="a"}', values: '1 3x5'}]
"""


def test_alert_fires_after_its_wait_with_labels_annotations_and_external_values(
    folder: Path,
) -> None:
    tests = """
  external_labels: {site: "s1 "}
  external_url: http://here
  alert_rule_test:
  - {eval_time: 2m59s, alertname: High}
  - eval_time: 3m
    alertname: High
    exp_alerts:
    - exp_labels: {i: a, severity: page, team: ops}
      exp_annotations: {summary: "a at 6 s1 http://here", empty: ""}
"""
    assert outcome(folder, LOAD + tests).failures == ()


def test_alert_that_differs_is_shown_as_promtool_shows_it(folder: Path) -> None:
    tests = """
  name: mine
  alert_rule_test: [{eval_time: 3m, alertname: High, exp_alerts: [{exp_labels: {i: "b\\n"}}]}]
"""
    (failure,) = outcome(folder, LOAD + tests).failures
    assert failure == (
        "    name: mine,\n"
        "    alertname: High, time: 3m, \n"
        "        exp:[\n"
        "            0:\n"
        '              Labels:{alertname="High", i="b\\n"}\n'
        "              Annotations:{}\n"
        "            ], \n"
        "        got:[\n"
        "            0:\n"
        '              Labels:{alertname="High", i="a", severity="page", team="ops"}\n'
        '              Annotations:{empty="", summary="a at 6 "}\n'
        "            ]"
    )


def test_rule_sees_the_alerts_of_an_earlier_rule_of_its_group(folder: Path) -> None:
    tests = """
  promql_expr_test:
  - {expr: timestamp(firing), eval_time: 3m, exp_samples: [
      {labels: '{team="ops"}', value: 180}]}
"""
    assert outcome(folder, LOAD + tests).failures == ()


@pytest.mark.parametrize(("order", "value"), [("[first, second]", 180), ("[second, first]", 240)])
def test_groups_are_evaluated_in_the_given_order(folder: Path, order: str, value: int) -> None:
    tests = f"""
  promql_expr_test:
  - expr: min_over_time((timestamp(late and firing))[10m:1m])
    eval_time: 6m
    exp_samples: [{{labels: '{{team="ops"}}', value: {value}}}]
"""
    assert outcome(folder, f"group_eval_order: {order}" + LOAD + tests).failures == ()


def test_rules_do_not_see_later_samples_and_expressions_do(folder: Path) -> None:
    (folder / "ahead.yml").write_text(
        "groups: [{name: a, rules: [{record: r, expr: load offset -1m}]}]"
    )
    tests = """
  promql_expr_test:
  - {expr: r, eval_time: 0, exp_samples: [{labels: 'r{i="a"}', value: 1}]}
  - {expr: load offset -1m, eval_time: 0, exp_samples: [{labels: 'load{i="a"}', value: 3}]}
"""
    assert outcome(folder, LOAD + tests, rules="ahead.yml").failures == ()


def test_result_that_differs_is_shown_as_promtool_shows_it(folder: Path) -> None:
    tests = """
  promql_expr_test:
  - {expr: load, eval_time: 0, exp_samples: [{labels: 'b{x="y"}', value: 123456789}, {labels: a}]}
  - {expr: 'load > 9', eval_time: 1h1m, exp_samples: [{}]}
  - {expr: 'vector(NaN)', eval_time: 0, exp_samples: [{value: .nan}]}
  - {expr: 'load[1m]', eval_time: 0}
  - {expr: 'load{', eval_time: 0}
  - {expr: 'load', eval_time: 0, exp_samples: [{labels: 'load{'}]}
"""
    first, *others = outcome(folder, LOAD + tests).failures
    assert first == (
        '    expr: "load", time: 0s,\n'
        '        exp: {__name__="a"} 0E+00, {__name__="b", x="y"} 1.23456789E+08\n'
        '        got: {__name__="load", i="a"} 1E+00'
    )
    assert others == [
        '    expr: "load > 9", time: 1h1m,\n        exp: {} 0E+00\n        got: nil',
        '    expr: "vector(NaN)", time: 0s,\n        exp: {} NaN\n        got: {} NaN',
        '    expr: "load[1m]", time: 0s, err: rule result is not a vector or scalar',
        '    expr: "load{", time: 0s, err: 1:6: parse error: unexpected end of input inside braces',
        '    expr: "load", time: 0s, err: labels "load{": unexpected end of input inside braces',
    ]


def test_fuzzy_comparison_accepts_the_next_float_only(folder: Path) -> None:
    tests = """
tests:
- input_series: [{series: m, values: '3.0000000000000004'}]
  promql_expr_test: [{expr: m, eval_time: 0, exp_samples: [{labels: m, value: 3}]}]
"""
    assert len(outcome(folder, tests).failures) == 1
    assert outcome(folder, "fuzzy_compare: true" + tests).failures == ()
    more = tests.replace("0004'", "0009'")
    assert len(outcome(folder, "fuzzy_compare: true" + more).failures) == 1


@pytest.mark.parametrize("start", ["2024-01-01T00:00:00Z", "1704067200", "1704067200.0"])
def test_start_time_moves_samples_rules_and_expressions(folder: Path, start: str) -> None:
    tests = f"""
  start_timestamp: {start}
  alert_rule_test: [{{eval_time: 1m, alertname: High}}]
  promql_expr_test:
  - {{expr: timestamp(doubled), eval_time: 1m, exp_samples: [
      {{labels: '{{i="a",team="ops"}}', value: 1704067260}}]}}
  - {{expr: 'load @ 1704067260', eval_time: 0, exp_samples: [
      {{labels: 'load{{i="a"}}', value: 3}}]}}
"""
    assert outcome(folder, LOAD + tests).failures == ()


def test_rule_that_fails_ends_the_test(folder: Path) -> None:
    (folder / "bad.yml").write_text(
        "groups: [{name: a, rules: [{record: r, expr: 'load + on() group_left load'}]}]"
    )
    tests = """
tests:
- input_series: [{series: 'load{i="a"}', values: '_ 1 1'}, {series: 'load{i="b"}', values: '_ 1'}]
  promql_expr_test: [{expr: wrong, eval_time: 3m, exp_samples: [{}]}]
"""
    (failure,) = outcome(folder, tests, rules="bad.yml").failures
    assert failure.startswith("    rule: r, time: 1m0s, err: found duplicate series")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("group_eval_order: [a, a]", "group name repeated in evaluation order: a"),
        ("tests: [{interval: 1x}]", r'unit.yml:2: tests.0.interval: "1x" is not a duration'),
        ("tests: [{nope: 1}]", "unit.yml:2: tests.0.nope: unknown key"),
        ("tests: [{start_timestamp: 1e30}]", '"1e30" is beyond the year 9999'),
        ("tests: [{start_timestamp: soon}]", '"soon" is neither a Unix time nor'),
        ("tests: [{start_timestamp: 2024-01-01T00:00:00}]", "has no time zone"),
        ("tests: [{promql_expr_test: [{exp_samples: [{value: x}]}]}]", '"x" is not a number'),
        ("tests: [{input_series: [{series: 'm{', values: '1'}]}]", 'input series "m{": '),
        ("tests: [{input_series: [{series: 'm', values: '1 x'}]}]", "unexpected 'x' in series"),
        ("tests: [{input_series: [{series: 'm', values: '0x99999999'}]}]", "more than 10,000,000"),
        (
            "tests: [{input_series: [{series: 'm', values: '{{sum:1}}'}]}]",
            "unit.yml:2: tests[0].input_series[0].values: native histograms are not supported",
        ),
        ("tests: [{alert_rule_test: [{eval_time: 1m}]}]", "misses required attribute alertname"),
    ],
)
def test_bad_file_names_the_place_and_the_reason(folder: Path, text: str, problem: str) -> None:
    (failure,) = outcome(folder, text).failures
    assert problem in failure


def test_native_histograms_fail_only_their_tests_with_file_and_line(folder: Path) -> None:
    text = """rule_files: []
tests:
- input_series:
  - {series: 'm', values: '1 2'}
- input_series:
  - series: 'h'
    values: '1 {{schema:0 sum:5 count:4 buckets:[1 2 1]}}x3'
  promql_expr_test:
  - expr: h
    exp_samples:
    - labels: h
      histogram: '{{sum:5}}'
- promql_expr_test: [{expr: '"{{"', exp_samples: []}]
  input_series: [{series: 'm{a="{{sum:1}}"}', values: '1'}]
"""
    file = folder / "native.yml"
    file.write_text(text)
    found = asyncio.run(RuleUnitTests(parse, engine).load(file).run())
    plain, native, braces = (test.failures for test in found.tests)
    assert plain == ()
    reason = "native histograms are not supported: the store keeps floats only (docs/promql.md)"
    assert native == (
        f"{file}:7: tests[1].input_series[0].values: {reason}",
        f"{file}:12: tests[1].promql_expr_test[0].exp_samples[0].histogram: {reason}",
    )
    assert not any("native" in line for line in braces)


def test_file_that_is_missing_or_no_text_is_a_failure(tmp_path: Path) -> None:
    tests = RuleUnitTests(parse, engine)
    assert "No such file" in asyncio.run(tests.load(tmp_path / "x.yml").run()).problem
    (tmp_path / "x.yml").write_bytes(b"\xff")
    assert asyncio.run(tests.load(tmp_path / "x.yml").run()).problem


def test_unknown_keys_of_rule_files_are_ignored_on_request(folder: Path) -> None:
    (folder / "rules.yml").write_text(
        RULES.replace("- name: second", "- name: second\n  owner: me")
    )
    tests = LOAD + "  alert_rule_test: [{eval_time: 0, alertname: High}]\n"
    (failure,) = outcome(folder, tests).failures
    assert "rules.yml:16: group 'second': owner: unknown key" in failure
    assert outcome(folder, tests, ignore_unknown=True).failures == ()


def test_only_tests_with_a_matching_name_run_and_missing_rule_files_are_named(
    folder: Path,
) -> None:
    file = folder / "unit.yml"
    file.write_text("rule_files: [none*.yml]\ntests: [{name: one}, {name: two}, {}]")
    found = asyncio.run(RuleUnitTests(parse, engine, [re.compile("^t")]).load(file).run())
    assert [test.name for test in found.tests] == ["two"]
    assert found.missing == (str(folder / "none*.yml"),)
    found = asyncio.run(RuleUnitTests(parse, engine).load(file).run())
    assert [test.name for test in found.tests] == ["one", "two", "unnamed#2"]


def test_outcomes_become_junit_xml(folder: Path) -> None:
    good = outcome(folder, "tests: [{name: '<a>'}]")
    bad = outcome(folder, "tests: [{alert_rule_test: [{eval_time: 1m}]}]")
    broken = outcome(folder, "nope: 1")
    text = junit_xml([good, bad, broken])
    assert text.count("<testsuite ") == 3
    assert '<testcase name="&lt;a&gt;" />' in text
    assert "<failure>an item under alert_rule_test" in text
    assert "<error>" in text
    assert 'tests="1" failures="1" errors="0"' in text
    assert 'tests="1" failures="0" errors="1"' in text
