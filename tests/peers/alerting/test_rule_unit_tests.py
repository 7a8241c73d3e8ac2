"""Unit tests of rules have the same outcome here as with promtool."""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from daemon.commands.rules import rules
from tests.peers.promtool import FIELD, field_files, promtool

pytestmark = [pytest.mark.peer, pytest.mark.slow]

OUTCOMES_THAT_DIFFER = {
    "rules/unit/promtool/unittest.yml": "native histograms: the store keeps floats only",
}
# promtool 3.5 does not have this key yet.
_NEWER_KEY = re.compile(r"field start_timestamp not found")
# Each program words its refusal of a malformed file itself, and names conflicting series in
# an order of its own.
_OWN_WORDS = re.compile(r"yaml: |parse error: |found duplicate series for the match group")


def _theirs(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [promtool(), "test", "rules", file.name],
        cwd=file.parent,
        capture_output=True,
        check=False,
        text=True,
    )


def test_unit_tests_of_the_field_have_the_outcome_and_output_of_promtool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = field_files("rules/unit")
    with ThreadPoolExecutor(2) as pool:
        theirs = dict(zip(files, pool.map(_theirs, files), strict=True))
    different = {}
    for file, their in theirs.items():
        if _NEWER_KEY.search(their.stderr):
            continue
        monkeypatch.chdir(file.parent)
        ours = CliRunner().invoke(rules, ["test", file.name])
        same = ours.exit_code == their.returncode
        if not _OWN_WORDS.search(their.stderr):
            same = same and (ours.stdout, ours.stderr) == (their.stdout, their.stderr)
        if not same:
            different[str(file.relative_to(FIELD))] = ours.output
    assert different.keys() == OUTCOMES_THAT_DIFFER.keys(), different
