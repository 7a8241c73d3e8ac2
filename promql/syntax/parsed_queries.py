"""A cache of parsed queries."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from model.matchers import Matcher
from promql.syntax.nodes import Expression, VectorSelector
from promql.syntax.parser import parse
from promql.syntax.step_invariance import step_invariant
from promql.syntax.traversal import walk
from promql.syntax.uses import SelectorUse, selector_uses

_CACHED: Final = 10_000
"""More than a server usually has rules: evaluated in turn, a smaller cache would keep none.

A parsed query takes about 2 KB.
"""


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query's syntax tree and the facts that follow from it.

    Attributes:
        tree: the syntax tree.
        step_invariant: ids of the nodes that yield the same value at all steps.
        repeated: the matchers of selectors that occur more than once.
        uses: the uses of all selectors, by the id of the selector's node.
    """

    tree: Expression
    step_invariant: frozenset[int]
    repeated: frozenset[tuple[Matcher, ...]]
    uses: Mapping[int, SelectorUse]

    @classmethod
    def of(cls, query: str) -> "ParsedQuery":
        """Parse a query.

        Raises:
            ParseError: it is not PromQL.
        """
        tree = parse(query)
        read = Counter(node.matchers for node in walk(tree) if isinstance(node, VectorSelector))
        repeated = frozenset(matchers for matchers, count in read.items() if count > 1)
        return cls(tree, step_invariant(tree), repeated, selector_uses(tree))


class ParsedQueries:
    """A least-recently-used cache of parsed queries; thread-safe."""

    def __init__(self, size: int = _CACHED) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._queries: OrderedDict[str, ParsedQuery] = OrderedDict()

    def get(self, query: str) -> ParsedQuery:
        """Return a parsed query.

        Raises:
            ParseError: it is not PromQL.
        """
        with self._lock:
            found = self._queries.get(query)
            if found is not None:
                self._queries.move_to_end(query)
                return found
        parsed = ParsedQuery.of(query)
        with self._lock:
            self._queries[query] = parsed
            if len(self._queries) > self._size:
                self._queries.popitem(last=False)
        return parsed
