"""What every test relies on: nothing blocks the event loop, time passes only where asked."""

import gc
import signal
from collections.abc import Generator, Iterator
from typing import Final

import hypothesis
import pytest
from blockbuster import BlockBuster, blockbuster_ctx

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")

# A worker runs a file to its end, and these take minutes: workers begin with them, so that none is
# left with one at the end. Those that keep a core busy alternate with those that wait.
_LONGEST: Final = (
    "tests/browser/pages/test_languages.py",
    "tests/peers/alerting/test_alertmanager_routes.py",
    "tests/system/test_schema.py",
    "tests/browser/pages/test_budgets.py",
    "tests/systemd/test_installed.py",
    "tests/browser/pages/test_menus.py",
    "tests/package/test_build.py",
    "tests/browser/pages/test_every_page.py",
    "tests/peers/alerting/",
    "tests/exporter/gathering/test_endurance.py",
)

# Files of these run browsers, peers and server processes, and wait for them: they come next.
_WITH_PROCESSES: Final = (
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


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the collected tests and their modules out of garbage collections.

    They live as long as the session. A full collection that reads them takes 0.4 s, and each
    worker makes dozens.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first, after pytest-randomly has shuffled all.

    Tests with processes share the machine with all other workers: one that fails runs twice
    more, and the summary lists it (`R`).
    """
    for item in items:
        if item.nodeid.startswith(_WITH_PROCESSES):
            item.add_marker(pytest.mark.flaky(reruns=2))
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    for turn, place in enumerate(_LONGEST):
        if item.nodeid.startswith(place):
            return turn
    return len(_LONGEST) + (not item.nodeid.startswith(_WITH_PROCESSES))


@pytest.fixture(autouse=True)
def blockbuster() -> Iterator[BlockBuster]:
    """Fail a test whose code blocks the event loop."""
    with blockbuster_ctx() as guard:
        yield guard
