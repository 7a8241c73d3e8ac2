"""The report of a benchmark: ratios, then the figures of each contender, then JSON."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from rich.console import Console
from rich.table import Table

WIDTH = 120
OURS = "redshank"
"""The contender that limits apply to; ratios divide its figures by those of a peer."""


class Findings(Protocol):
    """The result of a benchmark in any form."""

    def print(self) -> None:
        """Print tables."""

    def as_json(self) -> str:
        """Return one line of JSON."""

    def exceeded(self) -> Sequence[str]:
        """Return a sentence for each limit that is exceeded."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One measured quantity.

    Attributes:
        key: its name in JSON, with the unit.
        title: its column heading; the unit is on a second line.
        digits: the number of decimals to print.
        ratio: the name of its ratios, "" for none; less is better.
    """

    key: str
    title: str
    digits: int = 2
    ratio: str = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """The upper limit of a ratio or of a figure of Redshank.

    Attributes:
        key: `ratio_<name>_<peer>`, or the key of a measure.
        most: the limit.
    """

    key: str
    most: float


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a benchmark that compares contenders.

    Attributes:
        bench: the benchmark's name.
        setup: a description of the run.
        measures: in the order of the table.
        results: contender key -> measure key -> value, Redshank first.
        titles: contender key -> its name and version.
        limits: for Redshank's ratios and figures.
        warnings: reasons to doubt the figures.
    """

    bench: str
    setup: str
    measures: Sequence[Measure]
    results: Mapping[str, Mapping[str, float]]
    titles: Mapping[str, str]
    limits: Sequence[Limit] = ()
    warnings: Sequence[str] = field(default=())

    def ratios(self) -> dict[str, float]:
        """Return Redshank's figures divided by those of each peer, `ratio_<name>_<peer>`."""
        if OURS not in self.results:
            return {}
        own = self.results[OURS]
        return {
            f"ratio_{measure.ratio}_{peer}": own[measure.key] / figures[measure.key]
            for measure in self.measures
            if measure.ratio
            for peer, figures in self.results.items()
            if peer != OURS and figures[measure.key]
        }

    def exceeded(self) -> list[str]:
        """Return a sentence for each limit that is exceeded."""
        return exceeded(self.limits, {**self.results.get(OURS, {}), **self.ratios()})

    def as_json(self) -> str:
        """Return one line of JSON."""
        figures = {**self.results, **self.ratios()}
        return json.dumps({"bench": self.bench, "setup": self.setup, **figures})

    def print(self, file: TextIO = sys.stdout) -> None:
        """Print the tables."""
        console = Console(file=file, width=WIDTH, highlight=False)
        console.print(f"{self.bench}: {self.setup}\n", markup=False)
        if ratios := self.ratios():
            console.print(self._ratio_table(ratios), "")
        console.print(self._figure_table())
        for sentence in [*self.exceeded(), *self.warnings]:
            console.print(f"! {sentence}", markup=False)

    def _ratio_table(self, ratios: Mapping[str, float]) -> Table:
        limits = {limit.key: limit.most for limit in self.limits}
        drawn = [measure for measure in self.measures if measure.ratio]
        table = Table(box=None, pad_edge=False)
        table.add_column("ratio, Redshank to", no_wrap=True)
        for measure in drawn:
            table.add_column(measure.title.partition("\n")[0], justify="right")
        for peer in [key for key in self.results if key != OURS]:
            keys = [f"ratio_{measure.ratio}_{peer}" for measure in drawn]
            cells = [_with_limit(ratios.get(key), limits.get(key)) for key in keys]
            table.add_row(self.titles[peer], *cells)
        return table

    def _figure_table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        table.add_column("", no_wrap=True)
        for measure in self.measures:
            table.add_column(measure.title, justify="right")
        for key, figures in self.results.items():
            cells = [f"{figures[measure.key]:,.{measure.digits}f}" for measure in self.measures]
            table.add_row(self.titles[key], *cells)
        return table


def exceeded(limits: Sequence[Limit], figures: Mapping[str, float]) -> list[str]:
    """Return a sentence for each limit that is exceeded; a missing figure exceeds none."""
    return [
        f"{limit.key} is {figures[limit.key]:.3g}, more than {limit.most:g}"
        for limit in limits
        if figures.get(limit.key, 0.0) > limit.most
    ]


def _with_limit(value: float | None, most: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" + (f" (<= {most:g})" if most is not None else "")
