"""What every test relies on: nothing blocks the event loop, time passes only where asked."""

from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx


@pytest.fixture(autouse=True)
def blockbuster() -> Iterator[BlockBuster]:
    """Fail a test whose code blocks the event loop."""
    with blockbuster_ctx() as guard:
        yield guard
