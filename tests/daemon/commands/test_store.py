import contextlib
import json
import sqlite3
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
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Isolate the command from this checkout's configuration and the tests' logging."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("daemon.logs.configure", lambda level: None)


def run(data: Path, *arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(store, [*arguments, "--data-dir", str(data)], input=given)


def test_import_creates_the_directory_and_prints_a_report(data: Path) -> None:
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


def test_imported_export_exports_the_same_text(data: Path, tmp_path: Path) -> None:
    run(data, "import", "-", given=HISTORY)
    exported = run(data, "export").stdout
    assert exported.startswith('x{instance="a",job="node"} 0 1700000000.500\n')
    assert exported.endswith('x{instance="b",job="node"} 9 1700000009.500\n# EOF\n')
    file = tmp_path / "again.om"
    file.write_text(exported)
    again = tmp_path / "again"
    assert run(again, "import", str(file)).exit_code == 0
    assert run(again, "export", str(file)).exit_code == 0
    assert file.read_text() == exported


def test_export_is_limited_to_a_selector_and_a_range(data: Path) -> None:
    run(data, "import", "-", given=HISTORY)
    narrowed = ["--match", 'x{instance="b"}', "--start", "1700000003.5"]
    assert run(data, "export", *narrowed, "--end", "2023-11-14T22:13:24.5Z").stdout == (
        'x{instance="b",job="node"} 3 1700000003.500\n'
        'x{instance="b",job="node"} 4 1700000004.500\n'
        "# EOF\n"
    )


@pytest.mark.parametrize("option", [("--match", "sum(x)"), ("--start", "soon")])
def test_export_rejects_invalid_options(data: Path, option: tuple[str, str]) -> None:
    run(data, "import", "-", given=HISTORY)
    result = run(data, "export", *option)
    assert result.exit_code == 2
    assert option[0] in result.output


def test_inspect_reports_windows_and_metrics(data: Path) -> None:
    run(data, "import", "-", given=HISTORY)
    output = run(data, "inspect").output
    assert "20231113T000000Z.db" in output
    assert "20 samples in" in output
    assert "2 sources, 1 layouts" in output
    document = json.loads(run(data, "inspect", "--json").output)
    assert document["windows"][0]["samples"] == 20
    assert document["metrics"][0][0] == "x"


def test_verify_ends_with_1_and_lists_the_damage(data: Path) -> None:
    run(data, "import", "-", given=HISTORY)
    result = run(data, "verify")
    assert result.exit_code == 0
    assert "20 samples in 2 chunks of 1 window, 0 journal rows: nothing damaged" in result.output
    (window,) = (data / "samples").glob("*.db")
    with contextlib.closing(sqlite3.connect(window)) as connection, connection:
        connection.execute("update pieces_0 set data = zeroblob(9)")
    result = run(data, "verify")
    assert result.exit_code == 1
    assert f"{window.name}: chunk" in result.output
    assert "3 damaged" in result.output
    exported = run(data, "export")
    assert exported.exit_code == 1
    assert "2 damaged items left out" in exported.output


@pytest.mark.parametrize("command", ["inspect", "verify", "export", "compact"])
def test_missing_directory_is_reported(data: Path, command: str) -> None:
    result = run(data, command)
    assert result.exit_code == 1
    assert "there is no data directory" in result.output
    assert not data.exists()


@pytest.mark.parametrize("command", ["inspect", "verify", "export"])
def test_reading_commands_run_beside_a_server(data: Path, command: str) -> None:
    run(data, "import", "-", given=HISTORY)
    with DataDirectory(data).locked():
        assert run(data, command).exit_code == 0


@pytest.mark.parametrize("command", [("verify",), ("inspect",), ("export",), ("compact",)])
def test_directory_without_data_is_refused(data: Path, command: tuple[str, ...]) -> None:
    data.mkdir()
    result = run(data, *command)
    assert result.exit_code == 1
    assert "is no data directory" in result.output
