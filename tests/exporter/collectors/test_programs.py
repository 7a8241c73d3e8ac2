import time
from pathlib import Path

import pytest

from exporter.collectors.programs import BackgroundProgram, ProgramOutput
from exporter.errors import NoDataError
from tests.patience import PATIENCE_S


def script(directory: Path, text: str) -> str:
    path = directory / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


def ended(program: BackgroundProgram) -> ProgramOutput:
    """Wait for the first run to end."""
    until_s = time.monotonic() + PATIENCE_S
    while (output := program.output()) is None:
        assert time.monotonic() < until_s
        time.sleep(0.01)
    return output


def test_output_is_that_of_the_last_run_until_the_next_one_is_due(tmp_path: Path) -> None:
    now = [0.0]
    command = [script(tmp_path, f"echo x >> {tmp_path}/runs; wc -l < {tmp_path}/runs; exit 3")]
    program = BackgroundProgram(command, 60.0, monotonic=lambda: now[0])
    assert ended(program) == ProgramOutput(b"1\n", 3)
    now[0] = 59.0
    assert program.output() == ProgramOutput(b"1\n", 3)
    now[0] = 60.0
    until_s = time.monotonic() + PATIENCE_S
    while program.output() != ProgramOutput(b"2\n", 3):
        assert time.monotonic() < until_s


def test_program_that_hangs_is_killed_and_delays_no_scrape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.collectors.programs._FIRST_WAIT_S", 0.05)
    now = [0.0]
    program = BackgroundProgram(
        [script(tmp_path, "exec sleep 600")], 3600.0, 30.0, monotonic=lambda: now[0]
    )
    assert program.output() is None
    now[0] = 29.0
    assert program.output() is None
    now[0] = 30.0
    assert ended(program).status == -9


def test_program_that_prints_without_end_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.collectors.programs._MOST_BYTES", 100_000)
    program = BackgroundProgram([script(tmp_path, "sleep 1; exec yes")], 3600.0)
    output = ended(program)
    assert output.status < 0
    assert len(output.content) <= 100_000


def test_program_that_is_not_installed_is_no_data(tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match="is not installed"):
        BackgroundProgram(["no-such-program"], 1.0, path=str(tmp_path)).output()
