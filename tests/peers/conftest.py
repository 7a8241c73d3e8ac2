"""The code under test runs in processes of its own here."""

import pytest


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Let the test's own code block: the loop that matters is in another process."""
