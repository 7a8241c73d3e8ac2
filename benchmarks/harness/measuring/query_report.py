"""The report of `./run bench promql`: ratios, then a row per query, then JSON."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.table import Table

from benchmarks.harness.measuring.query_timing import QueryTiming
from benchmarks.harness.reporting.report import OURS, WIDTH, Limit, exceeded

PEER = "prometheus"


@dataclass(frozen=True, slots=True)
class QueryFindings:
    """The timings of one query.

    Attributes:
        key: the query's name in JSON.
        group: the ratio that it counts for.
        expression: PromQL, for the reader.
        timings: by contender key.
    """

    key: str
    group: str
    expression: str
    timings: Mapping[str, QueryTiming]

    @property
    def ratio(self) -> float | None:
        """Redshank's latency divided by the peer's."""
        if not {OURS, PEER} <= self.timings.keys():
            return None
        return self.timings[OURS].median_ms / self.timings[PEER].median_ms

    @property
    def cpu_ratio(self) -> float | None:
        """Redshank's CPU time divided by the peer's."""
        if not {OURS, PEER} <= self.timings.keys() or not self.timings[PEER].cpu_ms:
            return None
        return self.timings[OURS].cpu_ms / self.timings[PEER].cpu_ms


@dataclass(frozen=True, slots=True)
class QueryReport:
    """The result of `./run bench promql`.

    Attributes:
        setup: a description of the run.
        titles: contender key -> its name and version.
        queries: one row each.
        figures: further measurements, by name in JSON.
        limits: for ratios and figures.
        warnings: reasons to doubt the figures.
    """

    setup: str
    titles: Mapping[str, str]
    queries: Sequence[QueryFindings]
    figures: Mapping[str, float]
    limits: Sequence[Limit]
    warnings: Sequence[str] = ()

    def ratios(self) -> dict[str, float]:
        """Return the worst ratio of each group, `ratio_<group>`."""
        worst: dict[str, float] = {}
        for query in self.queries:
            if query.ratio is not None:
                name = f"ratio_{query.group}"
                worst[name] = max(worst.get(name, 0.0), query.ratio)
        return worst

    def exceeded(self) -> list[str]:
        """Return a sentence for each limit that is exceeded."""
        return exceeded(self.limits, {**self.figures, **self.ratios()})

    def as_json(self) -> str:
        """Return one line of JSON."""
        queries = {
            query.key: {
                "ratio": query.ratio,
                "cpu_ratio": query.cpu_ratio,
                **{
                    f"{key}_{name}": round(value, 3)
                    for key, timing in query.timings.items()
                    for name, value in (("ms", timing.median_ms), ("cpu_ms", timing.cpu_ms))
                },
            }
            for query in self.queries
        }
        return json.dumps(
            {
                "bench": "promql",
                "setup": self.setup,
                **self.ratios(),
                **self.figures,
                "queries": queries,
            }
        )

    def print(self, file: TextIO = sys.stdout) -> None:
        """Print the tables."""
        console = Console(file=file, width=WIDTH, highlight=False)
        console.print(f"promql: {self.setup}\n", markup=False)
        console.print(self._ratio_table(), "")
        console.print(self._query_table())
        for sentence in [*self.exceeded(), *self.warnings]:
            console.print(f"! {sentence}", markup=False)

    def _ratio_table(self) -> Table:
        limits = {limit.key: limit.most for limit in self.limits}
        table = Table(box=None, pad_edge=False)
        table.add_column("", no_wrap=True)
        table.add_column("measured", justify="right")
        table.add_column("at most", justify="right")
        for key, value in {**self.ratios(), **self.figures}.items():
            most = f"{limits[key]:g}" if key in limits else ""
            table.add_row(key, f"{value:.3g}" if value < 1000 else f"{value:.0f}", most)
        return table

    def _query_table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        table.add_column("median, ms", overflow="fold")
        for title in self.titles.values():
            table.add_column(title, justify="right")
        for title in ("ratio", "of CPU", "MB"):
            table.add_column(title, justify="right")
        for query in self.queries:
            sizes = [timing.size_bytes for timing in query.timings.values()]
            table.add_row(
                f"{query.key}: {query.expression}".replace("[", r"\["),
                *(f"{query.timings[key].median_ms:,.1f}" for key in self.titles),
                *(
                    "-" if ratio is None else f"{ratio:.3f}"
                    for ratio in (query.ratio, query.cpu_ratio)
                ),
                f"{sizes[0] / 1e6:.2f}",
            )
        return table
