"""The server runs in a process of its own here."""

import pytest

from tests.programs import program


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Let the test's own code block."""


@pytest.fixture(scope="session")
def curl() -> str:
    """Return curl's path, or skip before a server is started in vain."""
    return program("curl")
