"""The Debian packages: lintian finds no fault, and what they install runs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.package.builder import ROOT, package_builder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.peer,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not installed"),
]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The files of both packages by name."""
    output, builder = tmp_path_factory.mktemp("packages"), package_builder()
    return {package.name: builder.build(package, output) for package in builder.ALL}


@pytest.fixture(scope="module")
def trees(
    packages: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Path]:
    """The unpacked packages by name."""
    root = tmp_path_factory.mktemp("trees")
    for name, path in packages.items():
        subprocess.run(["dpkg-deb", "-x", path, root / name], check=True)
    return {name: root / name for name in packages}


@pytest.mark.skipif(not shutil.which("lintian"), reason="lintian is not installed")
@pytest.mark.parametrize("name", ["redshank-exporter", "redshank-server"])
def test_lintian_finds_no_fault(packages: Mapping[str, Path], name: str) -> None:
    command = ["lintian", "--fail-on", "error,warning", "--tag-display-limit", "0"]
    if os.geteuid() == 0:
        command.append("--allow-root")
    checked = subprocess.run([*command, packages[name]], capture_output=True, text=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_server_of_the_package_runs_without_this_checkout(trees: Mapping[str, Path]) -> None:
    library = trees["redshank-server"] / "usr/lib/redshank"
    script = (
        "import sys, daemon.server.server, numpy, duckdb; "
        "print(*{module.__file__ for module in (sys.modules['daemon'], numpy, duckdb)})"
    )
    # Without site-packages, in which this checkout is installed.
    shown = subprocess.run(
        [sys.executable, "-S", "-P", "-c", script],
        env={"PYTHONPATH": str(library), "PATH": os.environ["PATH"]},
        cwd="/",
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 0, shown.stderr
    assert all(path.startswith(str(library)) for path in shown.stdout.split())


def test_server_of_the_package_builds_the_one_file_exporter(
    trees: Mapping[str, Path], tmp_path: Path
) -> None:
    library = trees["redshank-server"] / "usr/lib/redshank"
    built = subprocess.run(
        [sys.executable, "-S", "-P", "-m", "exporter.bundle", tmp_path / "exporter.pyz"],
        env={"PYTHONPATH": str(library), "PATH": os.environ["PATH"]},
        cwd="/",
        capture_output=True,
        text=True,
    )
    assert (built.returncode, built.stderr) == (0, "")


def test_exporter_of_the_package_runs(trees: Mapping[str, Path], tmp_path: Path) -> None:
    program = trees["redshank-exporter"] / "usr/lib/redshank-exporter/redshank-exporter.pyz"
    shown = subprocess.run(
        [sys.executable, "-I", "-S", program, "--version"],
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (shown.returncode, shown.stdout.split()[:2]) == (0, ["redshank", "exporter"])


def test_units_run_the_programs_of_their_package(trees: Mapping[str, Path]) -> None:
    folder = "usr/lib/systemd/system"
    units = [unit for tree in trees.values() for unit in (tree / folder).glob("*.service")]
    assert len(units) == 3
    for unit in units:
        (line,) = (text for text in unit.read_text().splitlines() if text.startswith("ExecStart="))
        words = line.removeprefix("ExecStart=").split()
        programs = [word for word in words if word.startswith("/usr/lib/") or "redshank" in word]
        tree = next(tree for tree in trees.values() if unit.is_relative_to(tree))
        assert (tree / programs[0].lstrip("/")).exists(), line
        assert "/opt/" not in unit.read_text()


def test_no_file_names_the_checkout_or_a_package_index(trees: Mapping[str, Path]) -> None:
    found = [
        path
        for tree in trees.values()
        for path in tree.rglob("*.dist-info/*")
        if path.is_file() and str(ROOT).encode() in path.read_bytes()
    ]
    assert found == []
