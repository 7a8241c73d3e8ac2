"""From a scraped series' labels to those it is stored with.

Source: Prometheus documentation, "Configuration", `honor_labels` and limits.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from model.labels import METRIC_NAME, Labels
from scraper.exposition.errors import LimitError, SeriesNameError
from scraper.exposition.grammar import LABEL_NAME, LEGACY_METRIC_NAME, Pairs
from scraper.exposition.numbers import abridged
from scraper.fetching.targets import ScrapeLimits, ScrapeTarget
from scraper.relabel import RelabelRule, relabel

_LEGACY_METRIC_NAME = re.compile(LEGACY_METRIC_NAME)
_LEGACY_LABEL_NAME = re.compile(LABEL_NAME)


@dataclass(frozen=True, slots=True)
class SeriesLabels:
    """How one target's series are named.

    Attributes:
        target: the target's own labels.
        honor_labels: whether a scraped label wins over the target's of that name; if
            not, it is kept as `exported_<name>`.
        limits: bounds of labels.
        relabel_rules: applied to the whole label set, the target's labels among them.
        legacy_names: whether only names without UTF-8 are allowed.
    """

    target: Labels
    honor_labels: bool = False
    limits: ScrapeLimits = field(default_factory=ScrapeLimits)
    relabel_rules: tuple[RelabelRule, ...] = ()
    legacy_names: bool = False
    _target_names: frozenset[str] = field(init=False, repr=False, compare=False)
    _is_plain: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_target_names", frozenset(name for name, _ in self.target))
        object.__setattr__(self, "_is_plain", not (self.relabel_rules or self.legacy_names))

    @classmethod
    def of(cls, target: ScrapeTarget) -> "SeriesLabels":
        """Return how a target says its series are named."""
        return cls(
            target.labels,
            target.honor_labels,
            target.limits,
            target.metric_relabel_rules,
            target.legacy_names,
        )

    def name(self, pairs: Pairs) -> tuple[Labels, bool] | None:
        """Return a series' labels for storage; None if it is not to be stored.

        Returns:
            The labels without those that it shares with the target, and False; or, if
            it lacks one of the target's labels, all of its labels, and True.

        Raises:
            LimitError: it has too many labels, or too long ones.
            SeriesNameError: a name is not allowed, or relabelling took the metric's away.
        """
        if self._is_plain and self._target_names.isdisjoint([name for name, _ in pairs]):
            # Nothing to settle, as for nearly every series.
            self._check_limits(pairs, len(pairs) + len(self.target))
            return Labels(sorted([pair for pair in pairs if pair[1]])), False
        full = self._merged(pairs)
        if self.relabel_rules and not relabel(full, self.relabel_rules):
            return None
        self._check_names(full)
        self._check_limits(full.items(), len(full))
        if any(name not in full for name, _ in self.target):
            return Labels(sorted(full.items())), True
        own = set(self.target)
        return Labels(sorted(pair for pair in full.items() if pair not in own)), False

    def _merged(self, pairs: Pairs) -> dict[str, str]:
        scraped = dict(pairs)
        merged = dict(self.target)
        if self.honor_labels:
            merged.update(scraped)
            return {name: value for name, value in merged.items() if value}
        conflicts = [name for name, _ in self.target if scraped.get(name)]
        merged = {name: value for name, value in scraped.items() if value} | merged
        # Shortest first: so every order of the labels leads to the same names.
        for name in sorted(conflicts, key=len):
            exported = f"exported_{name}"
            while exported in merged:
                exported = f"exported_{exported}"
            merged[exported] = scraped[name]
        return merged

    def _check_names(self, labels: dict[str, str]) -> None:
        metric = labels.get(METRIC_NAME)
        if not metric:
            raise SeriesNameError("metric relabelling left a series without a metric name")
        if not self.legacy_names:
            return
        if _LEGACY_METRIC_NAME.fullmatch(metric) is None:
            raise SeriesNameError(f"invalid metric name {abridged(metric)}")
        for name in labels:
            if _LEGACY_LABEL_NAME.fullmatch(name) is None:
                raise SeriesNameError(f"invalid label name {abridged(name)}")

    def _check_limits(self, labels: Collection[tuple[str, str]], count: int) -> None:
        limits = self.limits
        if limits.label_count and count > limits.label_count:
            raise LimitError(
                f"label limit exceeded (metric: {_metric(labels)}, number of labels: {count}, "
                f"limit: {limits.label_count})"
            )
        for name, value in labels:
            if limits.label_name_length and len(name) > limits.label_name_length:
                raise LimitError(
                    f"label name length limit exceeded (metric: {_metric(labels)}, label name: "
                    f"{name[:50]}, length: {len(name)}, limit: {limits.label_name_length})"
                )
            if limits.label_value_length and len(value) > limits.label_value_length:
                raise LimitError(
                    f"label value length limit exceeded (metric: {_metric(labels)}, label name: "
                    f"{name[:50]}, length: {len(value)}, limit: {limits.label_value_length})"
                )


def _metric(labels: Iterable[tuple[str, str]]) -> str:
    return dict(labels).get(METRIC_NAME, "")[:50]
