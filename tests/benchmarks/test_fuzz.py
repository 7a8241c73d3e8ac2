from pathlib import Path

import pytest

pytest.importorskip("atheris", reason="atheris has wheels for x86-64 Linux only")

from benchmarks import fuzz
from tests.fuzz.targets.worker import place_of


@pytest.mark.slow
def test_campaign_reports_inputs_and_keeps_those_that_reach_new_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fuzz.main(["--minutes", "0.02", "--only", "file_sd", "--work-dir", str(tmp_path), "--json"])
    table = capsys.readouterr().out
    assert '"target": "file_sd"' in table
    assert '"errors": []' in table
    assert any((tmp_path / "file_sd" / "found").iterdir())


def test_unknown_target_is_refused_with_the_names_of_all(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no target nothing; there are text, openmetrics"):
        fuzz.main(["--only", "nothing", "--work-dir", str(tmp_path)])


def test_message_of_a_worker_that_does_not_start_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz, "_WORKER", "tests.fuzz.targets.missing")
    with pytest.raises(SystemExit, match=r"No module named tests\.fuzz\.targets\.missing"):
        fuzz.main(["--only", "file_sd", "--work-dir", str(tmp_path)])


def test_errors_of_one_place_have_one_name() -> None:
    def fail(text: str) -> str:
        try:
            int(text)
        except ValueError as exc:
            return place_of(exc)
        raise AssertionError

    assert fail("a") == fail("b")
    assert fail("a").startswith("ValueError < test_fuzz.py:")
