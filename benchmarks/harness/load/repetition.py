"""Work that runs beside a measurement."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def repeated(work: Callable[[], None], pause_s: float) -> Iterator[None]:
    """Call a function repeatedly on a thread while a `with` block runs."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(pause_s):
            work()

    thread = threading.Thread(target=run, name="repeated", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
