"""An engine for simulations, which wait for each query anyway."""

from collections.abc import Sequence

from promql.api import Answer, BatchOutcome, QueryOptions
from promql.engine import LocalEngine


class ImmediateEngine(LocalEngine):
    """Evaluates on the calling thread.

    A simulation asks one query after the other, each over a few samples: handing each to a
    thread takes five times as long as the query.
    """

    async def instant(
        self, query: str, time_ms: int, options: QueryOptions | None = None
    ) -> Answer:
        """Evaluate a query at one time; see `QueryEngine.instant`."""
        return self.instant_blocking(query, time_ms, options)

    async def instant_batch(
        self, queries: Sequence[str], time_ms: int, options: QueryOptions | None = None
    ) -> list[BatchOutcome]:
        """Evaluate the first query; see `QueryEngine.instant_batch`."""
        return [await self._outcome(queries[0], time_ms, options)]

    async def range(
        self,
        query: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions | None = None,
    ) -> Answer:
        """Evaluate a query at each step; see `QueryEngine.range`."""
        return self.range_blocking(query, start_ms, end_ms, step_ms, options)
