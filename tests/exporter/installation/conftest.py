"""Fixture: the exporter as one file."""

from pathlib import Path

import pytest

from exporter.bundle import build


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of the exporter as one file."""
    path = tmp_path_factory.mktemp("bundle") / "redshank-exporter.pyz"
    build(path)
    return path
