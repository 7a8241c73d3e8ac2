"""The missing features that make evaluations fail."""

from enum import StrEnum

from model.labels import METRIC_NAME, Labels
from model.matchers import matches_all
from promql.api import ParseError
from promql.syntax.nodes import VectorSelector
from promql.syntax.parser import parse
from promql.syntax.traversal import walk
from tests.promqltest.points import Histogram
from tests.promqltest.script import Eval, Load

_BUCKET = "_bucket"


class Need(StrEnum):
    """A feature that a failed evaluation needs."""

    RESULT = "expects a native histogram in the result"
    INPUT = "reads native histograms"
    CONVERTED = "reads classic histograms loaded as native ones (load_with_nhcb)"
    UNKNOWN = "nothing that is missing: it should pass"


class NativeHistograms:
    """Tracks the series of a script that contain native histograms."""

    def __init__(self) -> None:
        self._native: set[Labels] = set()
        self._converted: set[Labels] = set()

    def load(self, command: Load) -> None:
        """Record the series of a load command."""
        for labels, points in command.series:
            if any(isinstance(point, Histogram) for point in points):
                self._native.add(labels)
            metric = labels.metric
            if command.converts and metric.endswith(_BUCKET):
                plain = dict(labels) | {METRIC_NAME: metric.removesuffix(_BUCKET)}
                plain.pop("le", None)
                self._converted.add(Labels.of(plain))

    def clear(self) -> None:
        """Forget all series."""
        self._native.clear()
        self._converted.clear()

    def need_of(self, command: Eval) -> Need:
        """Return the feature that a failed evaluation needs."""
        if any(isinstance(point, Histogram) for _, points in command.series for point in points):
            return Need.RESULT
        try:
            tree = parse(command.query)
        except ParseError:
            return Need.UNKNOWN
        selectors = [node for node in walk(tree) if isinstance(node, VectorSelector)]
        for series, need in ((self._native, Need.INPUT), (self._converted, Need.CONVERTED)):
            for labels in series:
                if any(matches_all(selector.matchers, labels) for selector in selectors):
                    return need
        return Need.UNKNOWN
