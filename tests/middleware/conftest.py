"""A collector and a reporter that sends to it."""

from collections.abc import Iterator

import pytest

from redshank_middleware import RequestReporter
from tests.middleware.collector import Collector, collector

KEY = "rsk_0123456789abcdef"


@pytest.fixture
def arrived() -> Iterator[Collector]:
    with collector() as found:
        yield found


@pytest.fixture
def reporter(arrived: Collector) -> Iterator[RequestReporter]:
    reporter = RequestReporter(arrived.url, KEY, version="1.4", flush_interval_s=0.01)
    yield reporter
    reporter.close(5)
