from importlib import metadata
from pathlib import Path

import pytest

from exporter import version


def test_version_is_that_of_the_installed_distribution() -> None:
    assert version.version() == metadata.version("redshank")


def test_version_without_a_distribution_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", [str(tmp_path), str(tmp_path / "missing.zip")])
    assert version.version() == "unknown"
    (tmp_path / "redshank-1.2.3.dist-info").mkdir()
    assert version.version() == "1.2.3"
