from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daemon.commands.check import check


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(check, arguments, input=given)


def test_valid_configuration_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "redshank.yml"
    file.write_text("scrape: {interval: 5s, timeout: 5s}")
    assert run("config", str(file)).output == "the configuration is good\n"


def test_invalid_configuration_is_reported_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "redshank.yml"
    file.write_text("scrape:\n  intervall: 5s\n")
    result = run("config", str(file))
    assert result.exit_code == 1
    assert "redshank.yml:2: scrape.intervall: unknown key" in result.output


def test_rule_file_is_checked_with_its_expressions(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text("groups: [{name: a, rules: [{alert: B, expr: 'up =='}]}]")
    result = run("rules", str(file))
    assert result.exit_code == 1
    assert "parse error" in result.output
    file.write_text("groups: [{name: a, rules: [{alert: B, expr: 'up == 0'}]}]")
    assert run("rules", str(file)).output == "1 group, 1 rule, all good\n"


def test_configuration_is_checked_with_the_files_it_names(tmp_path: Path) -> None:
    file = tmp_path / "redshank.yml"
    file.write_text("scrape: {config_file: p.yml}")
    (tmp_path / "p.yml").write_text("rule_files: [r.yml]\n")
    assert "r.yml: no rule file has this name" in run("config", str(file)).output
    (tmp_path / "r.yml").write_text("groups: [{name: a, rules: [{alert: B, expr: 'up =='}]}]")
    result = run("config", str(file))
    assert result.exit_code == 1
    assert "r.yml:1: " in result.output


def test_prometheus_file_given_as_the_configuration_is_checked_too(tmp_path: Path) -> None:
    file = tmp_path / "prometheus.yml"
    file.write_text("scrape_configs: [{job_name: a}]\ntracing: {}\n")
    result = run("config", str(file))
    assert result.exit_code == 1
    assert "prometheus.yml:2: tracing.endpoint: Field required" in result.output
    file.write_text("global:\n")
    assert run("config", str(file)).output == "0 jobs, 0 static targets, 0 rule groups\n"


def test_prometheus_file_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "prometheus.yml"
    file.write_text(
        "scrape_configs:\n"
        "- job_name: a\n  static_configs: [{targets: ['h:1', 'h:2']}]\n"
        "- job_name: b\n  static_configs: [{targets: ['h:1']}]\n"
        "  relabel_configs: [{target_label: __scheme__, replacement: ftp}]\n"
        "remote_write: [{url: 'http://x'}]\n"
    )
    result = run("scrape-config", str(file))
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        f"warning: {file}:7: remote_write has no effect in Redshank",
        'warning: job b: a target is refused: "ftp" is neither http nor https',
        "2 jobs, 2 static targets, 0 rule groups",
    ]
    file.write_text("scrape_configs:\n- job_name: a\n  scrape_intervall: 5s\n")
    result = run("scrape-config", str(file))
    assert result.exit_code == 1
    assert "prometheus.yml:3: " in result.output


@pytest.mark.parametrize(("query", "status"), [("sum by (job) (up)", 0), ("sum(", 1)])
def test_query_is_parsed(query: str, status: int) -> None:
    assert run("query", query).exit_code == status


def test_exposition_is_parsed_strictly() -> None:
    assert run("metrics", given="up 1\n").output == "1 samples, all good\n"
    assert (
        "1 of 2 samples have the series of an earlier one"
        in run("metrics", given="up 1\nup{} 2\n").output
    )
    result = run("metrics", given="up one\n")
    assert result.exit_code == 1
    assert "line 1" in result.output


def test_invalid_query_is_shown_with_its_place() -> None:
    result = run("query", "sum(\n\trate(up))")
    assert result.exit_code == 1
    assert result.output.splitlines()[1:] == ["  \trate(up))", "  \t     ^"]
    assert "2:7: parse error: expected type range vector" in result.output


def test_missing_file_is_reported_in_one_line(tmp_path: Path) -> None:
    for command in ("rules", "scrape-config"):
        result = run(command, str(tmp_path / "no.yml"))
        assert result.output == f"Error: {tmp_path / 'no.yml'}: No such file or directory\n"
