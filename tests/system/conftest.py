"""Fixtures of the tests whose code under test runs in processes of its own."""

import pytest


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Allow blocking calls: the event loop under test is in another process."""
