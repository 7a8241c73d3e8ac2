"""The server runs in a process of its own here."""

import pytest


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Let the test's own code block."""
