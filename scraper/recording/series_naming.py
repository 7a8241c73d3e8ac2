"""Names the series of a target: the labels under which each scraped series is stored.

Source: Prometheus documentation, "Configuration", `honor_labels` and limits.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from model.label_limits import LabelLimit
from model.labels import METRIC_NAME, Labels
from scraper.exposition.catalog import SeriesName
from scraper.exposition.errors import LimitError, SeriesNameError
from scraper.exposition.label_grammar import Pairs
from scraper.exposition.names import is_legacy_label_name, is_legacy_metric_name
from scraper.fetching.targets import ScrapeLimits, ScrapeTarget
from scraper.messages import quoted
from scraper.relabel import RelabelRule, relabel


@dataclass(frozen=True, slots=True)
class SeriesNaming:
    """The naming rules of one target's series.

    Attributes:
        target: the target's own labels.
        honor_labels: whether a scraped label overrides the target's label of that name;
            if not, it is stored as `exported_<name>`.
        limits: limits of labels.
        relabel_rules: applied to the series' labels together with the target's.
        legacy_names: whether names outside the legacy character set are an error.
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
    def of(cls, target: ScrapeTarget) -> "SeriesNaming":
        """Return the naming rules of a target."""
        return cls(
            target.labels,
            target.honor_labels,
            target.limits,
            target.metric_relabel_rules,
            target.legacy_names,
        )

    def name(self, pairs: Pairs) -> SeriesName | None:
        """Return the name of a scraped series, None if relabelling drops it.

        Raises:
            LimitError: it has too many labels, or too long ones.
            SeriesNameError: a name is not allowed, or relabelling removed the metric name.
        """
        if self._is_plain and self._target_names.isdisjoint([name for name, _ in pairs]):
            # Nearly every series: no relabelling, and no label in common with the target.
            self._check_limits(pairs, len(pairs) + len(self.target))
            labels = Labels(sorted([pair for pair in pairs if pair[1]]))
            return SeriesName(labels, has_target_labels=True)
        merged = self._merged(pairs)
        if self.relabel_rules and not relabel(merged, self.relabel_rules):
            return None
        self._check_names(merged)
        self._check_limits(merged.items(), len(merged))
        if any(name not in merged for name, _ in self.target):
            return SeriesName(Labels(sorted(merged.items())), has_target_labels=False)
        of_target = set(self.target)
        labels = Labels(sorted(pair for pair in merged.items() if pair not in of_target))
        return SeriesName(labels, has_target_labels=True)

    def _merged(self, pairs: Pairs) -> dict[str, str]:
        """Return the labels of series and target, conflicts resolved."""
        scraped = dict(pairs)
        merged = dict(self.target)
        if self.honor_labels:
            merged.update(scraped)
            return {name: value for name, value in merged.items() if value}
        conflicts = [name for name, _ in self.target if scraped.get(name)]
        merged = {name: value for name, value in scraped.items() if value} | merged
        # Shortest first, so that the result does not depend on the order of the labels.
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
        if not is_legacy_metric_name(metric):
            raise SeriesNameError(f"invalid metric name {quoted(metric)}")
        for name in labels:
            if not is_legacy_label_name(name):
                raise SeriesNameError(f"invalid label name {quoted(name)}")

    def _check_limits(self, labels: Collection[tuple[str, str]], count: int) -> None:
        found = self.limits.labels.excess(labels, count)
        if found is None:
            return
        metric, limit = _metric(labels), f"limit: {found.most})"
        if found.limit is LabelLimit.LABELS:
            raise LimitError(
                f"label limit exceeded (metric: {metric}, number of labels: {found.size}, {limit}"
            )
        part = "name" if found.limit is LabelLimit.NAME_LENGTH else "value"
        raise LimitError(
            f"label {part} length limit exceeded (metric: {metric}, label name: {found.name},"
            f" length: {found.size}, {limit}"
        )


def _metric(labels: Iterable[tuple[str, str]]) -> str:
    return dict(labels).get(METRIC_NAME, "")[:50]
