"""The server runs in its own process here."""

import pytest

from tests.programs import program


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Allow the test itself to block."""


@pytest.fixture(scope="session")
def curl() -> str:
    """Return curl's path, or skip before a server is started in vain."""
    return program("curl")
