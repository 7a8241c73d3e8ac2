"""The budget of the push gateway: all groups together have what one sender may have."""

from ingest.gateway.metric_group import MetricGroup
from ingest.limits.budgets import Admission, SenderBudgets
from ingest.limits.label_checks import check_limits
from ingest.limits.write_limits import BudgetLimits, WriteLimits
from model.clock import Clock
from model.label_limits import memory_of
from model.memory_pressure import MemoryLimitError, MemoryReading


class GroupBudget:
    """Counts the series and label bytes of all groups; each group is a stream."""

    def __init__(self, limits: WriteLimits, clock: Clock, memory: MemoryReading | None) -> None:
        self._labels, self._clock, self._memory = limits.labels, clock, memory
        # Groups belong to no token: any may replace them.
        self._budgets = SenderBudgets(limits.sender, BudgetLimits(), memory)

    def _admission(self) -> Admission:
        return self._budgets.admission("", self._clock())

    def add_known(self, group: MetricGroup) -> None:
        """Count a group that was stored before the start."""
        series, label_bytes = _size(group)
        self._budgets.sender.add_known(series=series, label_bytes=label_bytes, streams=1)

    def check(self, before: MetricGroup | None, group: MetricGroup, size_bytes: int = 0) -> None:
        """Check that a group may take the place of another.

        Args:
            before: the group as it is, None if it is new.
            group: the group as it will be.
            size_bytes: the size of the pushed body.

        Raises:
            BadLabelsError: a series exceeds a limit of labels.
            PushLimitError: there are too many groups, series or label bytes.
            MemoryLimitError: the body is large and the server is short of memory.
        """
        memory = self._memory
        if memory and not memory.has_room_for(size_bytes):
            raise MemoryLimitError("this large push", memory)
        for labels in group.series():
            check_limits(labels.overlaid(group.labels), self._labels)
        series, label_bytes, streams = _difference(before, group)
        if max(series, label_bytes, streams) <= 0:
            return
        refusal = self._admission().refusal(
            series=max(0, series), label_bytes=max(0, label_bytes), streams=max(0, streams)
        )
        if refusal is not None:
            raise refusal.error("the push is refused")

    def exchange(self, before: MetricGroup | None, after: MetricGroup | None) -> None:
        """Count a group in place of another; None for no group."""
        series, label_bytes, streams = _difference(before, after)
        self._admission().add(series=series, label_bytes=label_bytes, streams=streams)


def _difference(before: MetricGroup | None, after: MetricGroup | None) -> tuple[int, int, int]:
    old, new = _size(before), _size(after)
    return new[0] - old[0], new[1] - old[1], (after is not None) - (before is not None)


def _size(group: MetricGroup | None) -> tuple[int, int]:
    if group is None:
        return 0, 0
    own = memory_of(group.labels)
    series = group.series()
    return len(series), sum(memory_of(labels) for labels in series) + own * len(series)
