"""Budgets: how many series, streams, label bytes and samples a sender may have.

A sender has a budget, and so has each token that it uses. Series that the store holds from
before a restart count for the sender only: which token sent them is not stored.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ingest.errors import PushLimitError
from ingest.limits.write_limits import BudgetLimits
from model.limits import LimitName
from model.memory_pressure import RETRY_AFTER_S, MemoryReading
from model.rates import Rate

# A sender that sends faster than its rate is slowed down. Only a request that would wait
# longer than this is refused: many senders drop what is refused, even with 429.
LONGEST_WAIT_S: Final = 10.0
_SAMPLES_BURST_S: Final = 10.0
_MINUTE_S: Final = 60.0


class BudgetHolder(StrEnum):
    """Whose budget it is; the value begins the names of its limits."""

    SENDER = "sender"
    TOKEN = "token"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Refusal:
    """A limit that is reached.

    Attributes:
        limit: its name.
        reason: the limit and its setting, for messages.
        retry_after_s: when the same push may succeed; 0 for a limit that time does not lift.
    """

    limit: LimitName
    reason: str
    retry_after_s: int = 0

    def error(self, refused: str) -> PushLimitError:
        """Return the error for something that is refused."""
        return PushLimitError(f"{refused}: {self.reason}", self.limit, self.retry_after_s)


class PushBudget:
    """The budget of one holder: its use, and its limits.

    Attributes:
        series, streams, label_bytes: what it has now.
    """

    __slots__ = (
        "_holder",
        "_limits",
        "_new_series",
        "_samples",
        "label_bytes",
        "series",
        "streams",
    )

    def __init__(self, holder: BudgetHolder, limits: BudgetLimits) -> None:
        self._holder, self._limits = holder, limits
        self.series = self.streams = self.label_bytes = 0
        samples, new = limits.samples_per_second, limits.new_series_per_minute
        self._samples = Rate(samples, samples * _SAMPLES_BURST_S) if samples else None
        self._new_series = Rate(new / _MINUTE_S, new) if new else None

    def refusal(
        self, now_ms: int, *, series: int = 0, label_bytes: int = 0, streams: int = 0
    ) -> Refusal | None:
        """Return the limit that keeps the holder from adding this, None if there is none."""
        limits = self._limits
        for key, has, more in (
            ("series", self.series, series),
            ("streams", self.streams, streams),
            ("label_bytes", self.label_bytes, label_bytes),
        ):
            most = getattr(limits, key)
            if most and more and has + more > most:
                return self._refusal(key, f"{has:,} of {most:,} {key.replace('_', ' ')} in use")
        if series and self._new_series is not None:
            wait_s = self._new_series.wait_s(now_ms)
            if wait_s > 0:
                most = limits.new_series_per_minute
                reason = f"more than {most:,} new series a minute"
                return self._refusal("new_series_per_minute", reason, wait_s)
        return None

    def _refusal(self, key: str, reason: str, wait_s: float = 0.0) -> Refusal:
        limit = LimitName(f"{self._holder}_{key}")
        named = f"{reason}, the limit of a {self._holder} (ingest.{self._holder}.{key})"
        return Refusal(limit, named, math.ceil(wait_s))

    def add(self, now_ms: int, *, series: int = 0, label_bytes: int = 0, streams: int = 0) -> None:
        """Add what `refusal` allowed; negative numbers remove."""
        if series > 0 and self._new_series is not None:
            self._new_series.take(series, now_ms)
        self.add_known(series=series, label_bytes=label_bytes, streams=streams)

    def add_known(self, *, series: int = 0, label_bytes: int = 0, streams: int = 0) -> None:
        """Add what the store holds from before a restart; negative numbers remove."""
        self.series += series
        self.label_bytes += label_bytes
        self.streams += streams

    def samples_wait_s(self, now_ms: int) -> float:
        """Return how long the holder must wait before it sends samples again.

        Raises:
            PushLimitError: it would wait too long.
        """
        if self._samples is None:
            return 0.0
        wait_s = self._samples.wait_s(now_ms)
        if wait_s > LONGEST_WAIT_S:
            most = self._limits.samples_per_second
            reason = f"more than {most:,} samples a second"
            refusal = self._refusal("samples_per_second", reason, wait_s)
            raise refusal.error("the request is refused")
        return wait_s

    def take_samples(self, count: int, now_ms: int) -> None:
        """Count samples that are written now."""
        if self._samples is not None:
            self._samples.take(count, now_ms)


@dataclass(slots=True)
class Admission:
    """Decides for one request which new series and streams are added.

    Attributes:
        sender, token: the budgets of the request's sender and token.
        has_room: whether the server has the memory for new series.
    """

    sender: PushBudget
    token: PushBudget | None
    now_ms: int
    has_room: bool = True

    def refusal(self, *, series: int = 0, label_bytes: int = 0, streams: int = 0) -> Refusal | None:
        """Return the limit that refuses an addition, None if there is none."""
        if not self.has_room:
            reason = "the server uses over 55% of its memory limit (server.memory_limit)"
            return Refusal(LimitName.MEMORY, reason, RETRY_AFTER_S)
        for budget in self._budgets():
            found = budget.refusal(
                self.now_ms, series=series, label_bytes=label_bytes, streams=streams
            )
            if found is not None:
                return found
        return None

    def add(self, *, series: int = 0, label_bytes: int = 0, streams: int = 0) -> None:
        """Add what `refusal` allowed to both budgets; negative numbers remove."""
        for budget in self._budgets():
            budget.add(self.now_ms, series=series, label_bytes=label_bytes, streams=streams)

    def samples_wait_s(self) -> float:
        """Return how long the request must wait until its samples are written.

        Raises:
            PushLimitError: it would wait too long.
        """
        return max(budget.samples_wait_s(self.now_ms) for budget in self._budgets())

    def take_samples(self, count: int) -> None:
        """Count the samples of the request."""
        for budget in self._budgets():
            budget.take_samples(count, self.now_ms)

    def _budgets(self) -> tuple[PushBudget, ...]:
        return (self.sender,) if self.token is None else (self.sender, self.token)


class SenderBudgets:
    """The budget of a sender, and those of its tokens.

    Args:
        sender, token: the limits.
        memory: the server's memory; None for no limit.
    """

    def __init__(
        self, sender: BudgetLimits, token: BudgetLimits, memory: MemoryReading | None = None
    ) -> None:
        self.sender = PushBudget(BudgetHolder.SENDER, sender)
        self._token_limits, self._memory = token, memory
        self._tokens: dict[str, PushBudget] = {}

    def admission(self, token: str, now_ms: int) -> Admission:
        """Return the admission for a request; a token of "" has no budget of its own."""
        own = None
        if token and self._token_limits != BudgetLimits():
            own = self._tokens.get(token)
            if own is None:
                own = self._tokens[token] = PushBudget(BudgetHolder.TOKEN, self._token_limits)
        has_room = self._memory is None or self._memory.has_room_for_series()
        return Admission(self.sender, own, now_ms, has_room)

    def forget_idle_tokens(self) -> None:
        """Forget the tokens without series; those that log in often have many."""
        self._tokens = {
            token: budget for token, budget in self._tokens.items() if budget.series > 0
        }
