import gzip
from pathlib import Path

import pytest

from benchmarks.harness.contenders.versions import program_version


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program `bin/peer`, which prints nothing and comes first in PATH."""
    program = tmp_path / "bin/peer"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return program


@pytest.mark.parametrize(
    "line",
    ["peer, version 3.5.3+ds1 (branch: debian/sid)", "peer-20260101-000000-tags-v3.5.3-0-gabc"],
)
def test_version_is_the_one_that_the_program_prints(installed: Path, line: str) -> None:
    installed.write_text(f"#!/bin/sh\necho '{line}'\n")
    assert program_version("peer") == "3.5.3"


def test_version_of_a_silent_program_is_the_one_of_its_package(installed: Path) -> None:
    documents = installed.parents[1] / "share/doc/peer"
    documents.mkdir(parents=True)
    with gzip.open(documents / "changelog.Debian.gz", "wt") as changelog:
        changelog.write("peer (1.145.0+ds1-2) unstable; urgency=medium\n")
    assert program_version("peer") == "1.145.0"


@pytest.mark.usefixtures("installed")
def test_version_is_unknown_without_both() -> None:
    assert program_version("peer") == "unknown"
    assert program_version("no-such-peer") == "unknown"
