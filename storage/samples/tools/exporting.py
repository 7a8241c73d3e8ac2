"""Export: the samples of all matching series, in bounded memory."""

from collections import defaultdict
from collections.abc import Iterator, Sequence, Set

import numpy as np

from model.labels import METRIC_NAME, Labels
from model.matchers import Matcher
from model.series import AlignedSeries
from storage.samples.reading.query import Query

# 64 MB decoded. More samples are read series by series, which is slower, because the piece
# of a metric is then decoded once for each of its series.
_SAMPLES_AT_ONCE = 8_000_000

_TARGET_LABELS = (METRIC_NAME, "job", "instance")

Selectors = Sequence[Sequence[Matcher]]


class _TooManySamplesError(Exception):
    """A read would take too much memory."""


class _Bound:
    """A read budget that stops after a number of samples."""

    def __init__(self, samples: int) -> None:
        self._left = samples

    def spend(self, samples: int) -> None:
        """See `ReadBudget.spend`."""
        self._left -= samples
        if self._left < 0:
            raise _TooManySamplesError

    def check(self) -> None:
        """See `ReadBudget.check`."""


def exported(
    query: Query, selectors: Selectors, start_ms: int, end_ms: int
) -> Iterator[AlignedSeries]:
    """Yield each series that matches any selector once, metric by metric; blocks."""
    export = _Export(query, start_ms, end_ms)
    for metric in query.labels.label_values(METRIC_NAME, selectors, start_ms, end_ms):
        named = Matcher.of(METRIC_NAME, "=", metric)
        narrowed = [[*matchers, named] for matchers in selectors]
        whole = export.select(narrowed[0]) if len(narrowed) == 1 else None
        yield from export.by_target(narrowed) if whole is None else whole


class _Export:
    def __init__(self, query: Query, start_ms: int, end_ms: int) -> None:
        self._query, self._range = query, (start_ms, end_ms)

    def select(self, matchers: Sequence[Matcher]) -> list[AlignedSeries] | None:
        """Return the matching series, None if they take too much memory."""
        try:
            return self._query.select(matchers, *self._range, _Bound(_SAMPLES_AT_ONCE))
        except _TooManySamplesError:
            return None

    def by_target(self, selectors: Selectors) -> Iterator[AlignedSeries]:
        """Yield the series of one metric target by target."""
        targets = defaultdict[Labels, set[Labels]](set)
        for labels in self._query.labels.series(selectors, *self._range):
            targets[labels.keep(_TARGET_LABELS)].add(labels)
        for wanted in targets.values():
            first = next(iter(wanted))
            matchers = [Matcher.of(name, "=", first.get(name)) for name in _TARGET_LABELS]
            found = self.select(matchers)
            if found is not None:
                yield from _only(found, wanted)
                continue
            for labels in sorted(wanted):
                exactly = [Matcher.of(name, "=", value) for name, value in labels]
                # A single series always fits in memory.
                yield from _only(self._query.select(exactly, *self._range), {labels})


def _only(parts: Sequence[AlignedSeries], wanted: Set[Labels]) -> Iterator[AlignedSeries]:
    for part in parts:
        kept = [place for place, labels in enumerate(part.labels) if labels in wanted]
        if kept:
            yield part.take(np.array(kept, np.intp))
