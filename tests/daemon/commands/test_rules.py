import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daemon.commands import rules as module
from daemon.commands.rules import rules

GOOD = "tests: [{name: a, promql_expr_test: [{expr: 'vector(1)', exp_samples: [{value: 1}]}]}]"
BAD = GOOD.replace("value: 1", "value: 2")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(rules, ["test", *arguments])


def test_unit_tests_that_pass_and_fail_have_the_output_and_exit_code_of_promtool(
    tmp_path: Path,
) -> None:
    good, bad = tmp_path / "good.yml", tmp_path / "bad.yml"
    good.write_text(GOOD)
    bad.write_text(BAD)
    result = run(str(good))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "  SUCCESS\n\n", "")
    result = run(str(bad), str(good))
    assert result.exit_code == 1
    assert result.stdout == "\n\n  SUCCESS\n\n"
    assert result.stderr == (
        '  FAILED:\n    expr: "vector(1)", time: 0s,\n'
        "        exp: {} 2E+00\n        got: {} 1E+00\n"
    )


def test_results_are_written_as_junit_xml_and_tests_chosen_by_name(tmp_path: Path) -> None:
    file, report = tmp_path / "unit.yml", tmp_path / "report.xml"
    file.write_text(BAD)
    assert run("--run", "^b", "--junit", str(report), str(file)).exit_code == 0
    assert 'tests="0"' in report.read_text()
    assert run("--run", "^b", "--run", "a", "--junit", str(report), str(file)).exit_code == 1
    assert '<testcase name="a">' in report.read_text()


def test_wrong_options_are_named(tmp_path: Path) -> None:
    file = tmp_path / "unit.yml"
    file.write_text(GOOD)
    assert "not a regular expression" in run("--run", "(", str(file)).stderr
    assert "does not exist" in run(str(tmp_path / "none.yml")).stderr
    result = run("--enable-feature=promql-delayed-name-removal,nope", str(file))
    assert result.stderr == "warning: no feature nope\n"
    assert result.exit_code == 0


def test_missing_rule_files_are_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "unit.yml"
    file.write_text("rule_files: [none.yml]\n" + GOOD)
    result = run(str(file))
    assert result.exit_code == 0
    assert result.stderr == f"  WARNING: no file match pattern {tmp_path / 'none.yml'}\n"


def test_result_of_a_backtest_is_printed_by_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rules.yml"
    file.write_text("groups: []")
    alert = {"labels": {"alertname": "A", "i": "x"}, "value": 2.5, "fired_ms": 60_000}
    answer = {
        "rules": [
            {"group": "g", "name": "r", "type": "recording", "problem": "", "series": 3},
            {
                "group": "g",
                "name": "A",
                "type": "alerting",
                "problem": "no such thing",
                "fired": 3,
                "firing_s": 90.2,
                "alerts": [alert | {"resolved_ms": 90_000}, alert | {"resolved_ms": None}],
            },
        ]
    }
    monkeypatch.setattr(module, "call", lambda address, work: answer)
    result = CliRunner().invoke(rules, ["backtest", str(file)])
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[:3] == [
        "g: r: records 3 series",
        "g: A: fails: no such thing",
        "g: A: fires 3 times, 1m30s in all",
    ]
    assert lines[3].split("\t")[2:] == ["2.5", '{i="x"}']
    assert "\tstill fires\t" in lines[4]
    assert lines[5] == "1 more are not listed"
    result = CliRunner().invoke(rules, ["backtest", "--json", str(file)])
    assert json.loads(result.stdout) == answer
