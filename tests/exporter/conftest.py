"""An exporter that serves as long as its test runs."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from exporter.serving.server import Exporter
from tests.exporter.exporter_client import Client, Serve


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start an exporter; it stops with the test."""
    with ExitStack() as running:
        yield lambda settings: Client(running.enter_context(Exporter(settings)))
