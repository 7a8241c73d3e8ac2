import subprocess
import sys

import pytest
from click.testing import CliRunner

from daemon.cli import COMMANDS, main

HEAVY = {"numpy", "aiohttp", "pydantic", "sqlite_utils", "apprise", "jinja2", "prometheus_client"}


@pytest.mark.parametrize("name", COMMANDS)
def test_command_exists_and_has_a_help_text(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert "usage:" in result.output.lower()


def test_help_lists_every_command_without_importing_one() -> None:
    code = (
        "import sys; from daemon.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert all(name in result.stdout for name in COMMANDS)
    assert result.stdout.splitlines()[-1] == "[]"


def test_unknown_command_is_refused() -> None:
    result = CliRunner().invoke(main, ["upp"])
    assert result.exit_code == 2
    assert "No such command" in result.output


@pytest.mark.parametrize("name", ["server", "up"])
def test_optional_packages_that_no_log_uses_are_not_imported(name: str) -> None:
    code = (
        "import sys; from daemon.cli import main\n"
        f"try: main([{name!r}, '--help'])\n"
        "except SystemExit: pass\n"
        "import importlib.util\n"
        "print('structlog' in sys.modules, 'rich' in sys.modules, importlib.util.find_spec('rich'))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    structlog, rich, found = result.stdout.splitlines()[-1].split(maxsplit=2)
    # Installed here by the development tools, and still importable by others.
    assert (structlog, rich) == ("True", "False")
    assert found.startswith("ModuleSpec")
