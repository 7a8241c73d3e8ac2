"""Peer tests run the code under test in separate processes."""

import pytest


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Allow blocking calls: the event loop under test is in another process."""
