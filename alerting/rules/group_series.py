"""The series that a rule group writes, and their continuation when the group changes."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from alerting.evaluation.series import SeriesWriter
from alerting.rules.definitions import AlertingRule, RecordingRule, RuleGroup
from storage.api.samples import SampleAppender


@dataclass(frozen=True, slots=True)
class _Slot:
    """A place for a writer.

    Attributes:
        position: the position of the rule after which it writes.
        key: equal for the slot that continues it in a changed group.
        stream: the source that it writes to, unless a continued writer has it.
        identities: the alerting rules whose alerts it writes; None for a recording rule.
    """

    position: int
    key: Hashable
    stream: str
    identities: tuple[str, ...] | None


def identities_of(group: RuleGroup) -> tuple[str, ...]:
    """Return the identities of the group's alerting rules."""
    return tuple(rule.identity for rule in group.rules if isinstance(rule, AlertingRule))


def _slots(group: RuleGroup) -> Iterator[_Slot]:
    name = f"{group.file};{group.name}"
    # A source takes one vector for each time, and the rules write one after the other:
    # each has a source of its own.
    for position, rule in enumerate(group.rules):
        if isinstance(rule, RecordingRule):
            key = (rule.name, tuple(sorted(rule.labels.items())))
            yield _Slot(position, key, f"rules/{name};{position}", None)
    # One source holds the alerts of the whole group, written after its last rule. Only if a
    # rule reads `ALERTS`, which must have those of the rules before it, each rule has a source.
    if not any("ALERTS" in rule.expression for rule in group.rules):
        if not group.rules:
            return
        yield _Slot(len(group.rules) - 1, None, f"alerts/{name}", identities_of(group))
        return
    for position, rule in enumerate(group.rules):
        if isinstance(rule, AlertingRule):
            stream = f"alerts/{name};{position}"
            yield _Slot(position, rule.identity, stream, (rule.identity,))


class GroupSeries:
    """The writers of one group.

    Args:
        group: the group.
        appender: stores the series.
        previous: the writers of the group before it was changed. A rule with the same name
            and labels continues its series, as in Prometheus: they have no gap.

    Attributes:
        writers: the place of each writer, and the writer.
        left: the writers of `previous` that nothing continues.
    """

    def __init__(
        self, group: RuleGroup, appender: SampleAppender, previous: "GroupSeries | None" = None
    ) -> None:
        known: dict[Hashable, list[SeriesWriter]] = {}
        if previous is not None:
            for slot, writer in previous.writers:
                known.setdefault(slot.key, []).append(writer)
        slots = list(_slots(group))
        continued = [known[slot.key].pop(0) if known.get(slot.key) else None for slot in slots]
        self.left = [writer for writers in known.values() for writer in writers]
        # New writers have different streams anyway.
        streams = {writer.stream for writer in continued if writer is not None}
        self.writers: list[tuple[_Slot, SeriesWriter]] = []
        for slot, found in zip(slots, continued, strict=True):
            stream = _unused(slot.stream, streams)
            self.writers.append((slot, found or SeriesWriter(appender, stream)))
        self._recorded = {
            slot.position: writer for slot, writer in self.writers if slot.identities is None
        }
        self._alerts = {
            slot.position: (writer, slot.identities)
            for slot, writer in self.writers
            if slot.identities is not None
        }

    def recorded(self, position: int) -> SeriesWriter:
        """Return the writer of the recording rule at a position."""
        return self._recorded[position]

    def alerts_after(self, position: int) -> tuple[SeriesWriter, tuple[str, ...]] | None:
        """Return the writer of alerts after the rule at a position, and the rules of the alerts."""
        return self._alerts.get(position)

    def end(self, now_ms: int) -> None:
        """Write staleness markers for all series."""
        end_series((writer for _, writer in self.writers), now_ms)


def end_series(writers: Iterable[SeriesWriter], now_ms: int) -> None:
    """Write staleness markers for all series of these writers."""
    for writer in writers:
        writer.write({}, now_ms)


def _unused(stream: str, used: set[str]) -> str:
    number, name = 0, stream
    while name in used:
        number += 1
        name = f"{stream}+{number}"
    return name
