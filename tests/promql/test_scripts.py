"""Test scripts: Redshank's own, and those of the Prometheus project if available."""

import json
from pathlib import Path

import pytest

from tests.promqltest.needs import Need
from tests.promqltest.real_store import real_store
from tests.promqltest.runner import run_file
from tests.promqltest.store import contract_store

OWN = Path(__file__).parent / "scripts"
SHARED = Path(__file__).parents[2].parent / "shared" / "promqltest"
RECORDED = Path(__file__).parent / "promqltest_passed.json"


@pytest.mark.parametrize("path", sorted(OWN.glob("*.test")), ids=lambda path: path.stem)
def test_own_script_passes(path: Path) -> None:
    score = run_file(path)
    assert not score.failures
    assert score.total


@pytest.mark.parametrize("path", sorted(OWN.glob("*.test")), ids=lambda path: path.stem)
def test_own_script_passes_on_a_store_behind_its_contract(path: Path) -> None:
    assert not run_file(path, contract_store).failures


@pytest.mark.parametrize("path", sorted(OWN.glob("*.test")), ids=lambda path: path.stem)
def test_own_script_passes_on_the_real_store(path: Path) -> None:
    assert not run_file(path, real_store).failures


@pytest.mark.skipif(not SHARED.is_dir(), reason="the Prometheus project's scripts are not there")
@pytest.mark.parametrize(
    ("name", "passed"), sorted(json.loads(RECORDED.read_text()).items()), ids=str
)
def test_prometheus_script_passes_except_native_histograms(name: str, passed: int) -> None:
    score = run_file(SHARED / name, real_store)
    assert [failure for failure in score.failures if failure.need is Need.UNKNOWN] == []
    assert score.passed >= passed
