"""`alertmanager.yml` is accepted and refused as amtool of today does, and routed alike."""

import json
import subprocess
from pathlib import Path

import pytest

from alerting.errors import RoutingFileError
from alerting.routing.files.loader import load_routing_file
from model.labels import Labels
from tests.alerting.routing.files.test_loader import VERDICTS
from tests.peers.promtool import field_files
from tests.programs import program

pytestmark = [pytest.mark.peer, pytest.mark.slow]


@pytest.fixture(scope="module")
def amtool() -> str:
    path = program("amtool")
    shown = subprocess.run([path, "--version"], capture_output=True, check=True, text=True)
    if " 0.33" not in shown.stdout + shown.stderr:
        pytest.skip("amtool is not 0.33, whose keys and verdicts these are")
    return path


def accepts(amtool: str, file: Path) -> bool:
    done = subprocess.run([amtool, "check-config", str(file)], capture_output=True, check=False)
    return done.returncode == 0


def is_accepted(file: Path) -> bool:
    try:
        load_routing_file(file)
    except RoutingFileError:
        return False
    return True


def test_field_files_have_the_verdict_of_amtool(amtool: str) -> None:
    files = [each for each in field_files("alertmanager") if each.suffix == ".yml"]
    verdicts = {file.name: (accepts(amtool, file), is_accepted(file)) for file in files}
    assert {name: each for name, each in verdicts.items() if each[0] != each[1]} == {}
    assert {ours for _, ours in verdicts.values()} == {True, False}


def test_recorded_verdicts_are_those_of_amtool(amtool: str, tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yml"
    different = []
    for case in json.loads(VERDICTS.read_text()):
        file.write_text(case["document"])
        if accepts(amtool, file) != case["accepted"]:
            different.append(case)
    assert different == []


@pytest.mark.parametrize("name", ["am-conf.routing.yml", "am-conf.good.yml"])
def test_receivers_are_those_of_amtool(amtool: str, name: str) -> None:
    [file] = [each for each in field_files("alertmanager") if each.name == name]
    configuration, _ = load_routing_file(file)
    for labels in (
        {"test": "1"},
        {"test": "2"},
        {"service": "files", "severity": "critical"},
        {"service": "mysql", "owner": "team-X"},
        {"service": "database", "owner": "team-Y", "severity": "critical"},
    ):
        pairs = [f"{key}={value}" for key, value in labels.items()]
        command = [amtool, "config", "routes", "test", f"--config.file={file}", *pairs]
        theirs = subprocess.run(command, capture_output=True, check=True, text=True)
        ours = [route.receiver for route in configuration.route.matching(Labels.of(labels))]
        assert theirs.stdout.strip().split(",") == ours
