"""Loops over many series, which stop between two pieces if their query should end.

A loop over a million series takes up to a second. In between, it checks the budget of its
query: that lets waiting evaluations continue for a while (`promql.running.evaluation_lock`),
and raises once the query is cancelled or its time is up.

The budget is a context variable, because loops over series lie deep in kernels that need
nothing else of their query.
"""

from collections.abc import Iterator, Sequence
from contextvars import ContextVar, Token
from itertools import chain
from types import TracebackType
from typing import Final, TypeVar

from model.pieces import Sliceable, WorkBudget, in_pieces

_BUDGET: Final[ContextVar[WorkBudget | None]] = ContextVar("budget", default=None)

_FEW: Final = 50

T = TypeVar("T")
S = TypeVar("S", bound=Sliceable)


class InterruptedBy:
    """Checks a budget within the loops that this thread runs in a `with` block."""

    # A class: `contextlib.contextmanager` takes a tenth of the time of the smallest query.
    __slots__ = ("_budget", "_token")

    def __init__(self, budget: WorkBudget) -> None:
        self._budget = budget

    def __enter__(self) -> None:
        """Set the budget of the loops."""
        self._token: Token[WorkBudget | None] = _BUDGET.set(self._budget)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore the budget before."""
        _BUDGET.reset(self._token)


def current_budget() -> WorkBudget | None:
    """Return the query's budget, None outside of a query."""
    return _BUDGET.get()


def check() -> None:
    """Check the query's budget, between two long calls of numpy."""
    budget = _BUDGET.get()
    if budget is not None:
        budget.check()


def pieces(items: S) -> Iterator[S]:
    """Yield a few thousand items at a time; check the query's budget before each piece."""
    return in_pieces(items, _BUDGET.get())


def interruptible(items: Sequence[T]) -> Iterator[T]:
    """Yield all items; check the query's budget every few thousand.

    An item costs 10 ns more than in a loop over the sequence itself. Few items are not
    checked: that would take as long as the work on them.
    """
    return iter(items) if len(items) <= _FEW else chain.from_iterable(pieces(items))
