from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daemon.commands.alerting import alerting
from daemon.commands.check import check

TEXT = """
route:
  receiver: ops
  routes:
  - matchers: [severity="page"]
    receiver: pager
    continue: true
  - matchers: [team=~"db|store"]
    receiver: dba
receivers: [{name: ops}, {name: pager}, {name: dba}]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "alertmanager.yml"
    path.write_text(TEXT)
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(alerting, ("routes", *arguments))


def test_routes_name_the_receivers_of_an_alert(file: Path) -> None:
    assert run("test", str(file), "severity=page", "team=db").output == "pager,dba\n"
    assert run("test", str(file), "severity=info").output == "ops\n"


def test_unexpected_receiver_is_a_failure(file: Path) -> None:
    assert run("test", str(file), "team=db", "--verify-receivers", "dba").exit_code == 0
    result = run("test", str(file), "team=db", "--verify-receivers", "ops")
    assert result.exit_code == 1
    assert "expected ops, got dba" in result.output


def test_label_without_a_value_is_explained(file: Path) -> None:
    assert "name=value" in run("test", str(file), "severity").output


def test_tree_is_shown(file: Path) -> None:
    assert run("show", str(file)).output.splitlines() == [
        "default route  receiver: ops",
        '  {severity="page"}  receiver: pager  continue',
        '  {team=~"db|store"}  receiver: dba',
    ]


def test_alertmanager_file_is_checked(file: Path) -> None:
    result = CliRunner().invoke(check, ("alertmanager", str(file)))
    assert result.output == "3 routes, 3 receivers, 0 inhibit rules, all good\n"
    file.write_text("route: {receiver: a}\n")
    result = CliRunner().invoke(check, ("alertmanager", str(file)))
    assert result.exit_code == 1
    assert "alertmanager.yml:1: route.receiver: there is no receiver" in result.output
