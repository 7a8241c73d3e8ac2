from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daemon.commands.store import store
from daemon.data_directory import DataDirectory

HISTORY = (
    "# TYPE x gauge\n"
    + "".join(
        f'x{{instance="{host}",job="node"}} {tick} {1_700_000_000 + tick}.5\n'
        for tick in range(10)
        for host in "ab"
    )
    + "# EOF\n"
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the command from this checkout's configuration, and from the tests' logging."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("daemon.logs.configure", lambda level: None)


def run(data: Path, *arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(store, [*arguments, "--data-dir", str(data)], input=given)


def test_import_makes_the_directory_and_reports(data: Path) -> None:
    result = run(data, "import", "-", given=HISTORY)
    assert result.exit_code == 0
    assert "20 samples of 2 series imported" in result.output
    assert "from 2023-11-14 22:13:20+00:00 to 2023-11-14 22:13:29+00:00" in result.output
    assert "0 rejected" in result.output
    assert data.stat().st_mode & 0o077 == 0
    assert run(data, "compact").exit_code == 0


def test_malformed_file_imports_nothing(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "history.om"
    file.write_text(HISTORY.replace("# EOF", "x 1"))
    result = run(data, "import", str(file))
    assert result.exit_code == 1
    assert f"{file}: line 22: the sample has no timestamp; nothing was imported" in result.output
    assert list((data / "samples").iterdir()) == []


@pytest.mark.parametrize("command", [("import", "-"), ("compact",)])
def test_directory_in_use_is_refused(data: Path, command: tuple[str, ...]) -> None:
    directory = DataDirectory(data)
    directory.create()
    with directory.locked():
        result = run(data, *command, given=HISTORY)
    assert result.exit_code == 1
    assert "another redshank server uses" in result.output
