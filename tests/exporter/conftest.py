"""Fixture: starts exporters that stop at the end of the test."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from exporter.serving.server import Exporter
from tests.exporter.exporter_client import Client, Serve


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that starts an exporter; it stops at the end of the test."""
    with ExitStack() as running:
        yield lambda settings: Client(running.enter_context(Exporter(settings)))
