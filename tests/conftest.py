"""What every test relies on: nothing blocks the event loop, time passes only where asked."""

import signal
from collections.abc import Iterator
from typing import Final

import hypothesis
import pytest
from blockbuster import BlockBuster, blockbuster_ctx

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")

# Files of these take longest, most of it waiting for processes: workers begin with them,
# so that none is left with one at the end.
_LONGEST: Final = (
    "tests/system/",
    "tests/daemon/test_read_only_start.py",
    "tests/browser/",
    "tests/peers/",
    "tests/replaces/",
)


def pytest_configure() -> None:
    """Undo `nohup` and a shell's `&`: programs that tests start inherit ignored signals."""
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first, after pytest-randomly has shuffled all.

    These run browsers, peers and server processes, which share the machine with all other
    workers: one that fails runs twice more, and the summary lists it (`R`).
    """
    for item in items:
        if item.nodeid.startswith(_LONGEST):
            item.add_marker(pytest.mark.flaky(reruns=2))
    items.sort(key=lambda item: not item.nodeid.startswith(_LONGEST))


@pytest.fixture(autouse=True)
def blockbuster() -> Iterator[BlockBuster]:
    """Fail a test whose code blocks the event loop."""
    with blockbuster_ctx() as guard:
        yield guard
