"""How many series the queries of live connections may yield: of one connection, and in all.

A connection has up to 32 subscriptions, each evaluated up to once a second: without a budget, a
few clients that subscribe to everything take the CPU of all queries.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from model.limits import LimitName, Refusals
from web.http.errors import LiveSeriesError
from web.settings import WebSettings


class LiveSeries:
    """The series of all live connections; `refusals` counts the results that were refused.

    Attributes:
        taken: how many series the results of all connections have.
    """

    def __init__(self, settings: WebSettings, refusals: Refusals) -> None:
        self._most, self._most_each = settings.live_series, settings.live_series_per_stream
        self._refusals = refusals
        self.taken = 0

    @contextmanager
    def share(self) -> Iterator["StreamSeries"]:
        """Return the share of one connection, for as long as the block runs."""
        stream = StreamSeries(self)
        try:
            yield stream
        finally:
            self.taken -= stream.taken

    def check(self, own: int, others: int) -> None:
        """Check the series of one connection, beside those of all others.

        Raises:
            LiveSeriesError: they exceed a limit.
        """
        if own > self._most_each:
            self._refusals.count(LimitName.STREAM_SERIES)
            raise LiveSeriesError(
                f"the queries of this connection yield {own} series, more than {self._most_each}"
                " (web.live_series_per_stream); narrow them"
            )
        if own + others > self._most:
            self._refusals.count(LimitName.LIVE_SERIES)
            raise LiveSeriesError(
                f"the queries of all live connections yield more than {self._most} series"
                " (web.live_series); try again later"
            )


class StreamSeries:
    """The series of one connection's subscriptions.

    Attributes:
        taken: how many there are.
    """

    def __init__(self, budget: LiveSeries) -> None:
        self._budget = budget
        self._by_subscription: dict[str, int] = {}
        self.taken = 0

    def take(self, subscription: str, series: int) -> None:
        """Count a result in place of the subscription's last one.

        Raises:
            LiveSeriesError: the connection, or all together, have too many; none is counted.
        """
        before = self._by_subscription.get(subscription, 0)
        try:
            if series > before:
                own = self.taken - before + series
                self._budget.check(own, self._budget.taken - self.taken)
        except LiveSeriesError:
            self.release(subscription)
            raise
        self._count(subscription, series)

    def release(self, subscription: str) -> None:
        """Count the subscription's last result no more."""
        self._count(subscription, 0)

    def _count(self, subscription: str, series: int) -> None:
        change = series - self._by_subscription.pop(subscription, 0)
        if series:
            self._by_subscription[subscription] = series
        self.taken += change
        self._budget.taken += change
