"""Worker threads, and the end of what an error that leaves them would keep in memory.

A traceback refers to the frames that the error passed, and these to their local variables:
the arrays of a query, the body of a scrape. A future that a coroutine keeps in a local
variable closes the circle (future, error, traceback, frame, future), and the memory stays
until the next garbage collection, which is rare (`daemon.server.interpreter`). 32 queries
that ended in 422 kept 16 GB.
"""

import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class WorkerThreads(ThreadPoolExecutor):
    """A thread pool; an error of its work keeps its traceback, but no local variables."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Run a function in a thread; see `concurrent.futures.Executor.submit`."""
        return super().submit(_run, fn, args, kwargs)


def _run(work: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    try:
        return work(*args, **kwargs)
    except BaseException as exc:
        clear_frames(exc)
        # This frame is in the traceback too, and cannot be cleared while it runs.
        del work, args, kwargs
        raise


def clear_frames(exc: BaseException) -> None:
    """Clear the local variables of the frames that an error has left.

    Only before anything waits for the error: later the frames of what has waited belong to
    it, and clearing them ends these coroutines.
    """
    for error in _chain(exc):
        traceback.clear_frames(error.__traceback__)


def drop_tracebacks(exc: BaseException) -> None:
    """Remove the tracebacks of a handled error, and of the errors behind it.

    For errors that end on the event loop. Clearing their frames instead would end the
    coroutines that wait for the same future and go on after its error.
    """
    for error in _chain(exc):
        error.__traceback__ = None


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """Yield an error, its causes and contexts, and the members of groups, each once."""
    waiting, seen = [exc], set[int]()
    while waiting:
        error = waiting.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        behind: list[BaseException | None] = [error.__cause__, error.__context__]
        if isinstance(error, BaseExceptionGroup):
            behind += error.exceptions
        waiting += [each for each in behind if each is not None]
