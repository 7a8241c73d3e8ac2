"""The figures of `./run bench events`, and the limits that they must hold."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.harness.reporting.report import WIDTH

# name, limit, whether the figure must be at least the limit
_LIMITS: Final = (
    ("ingest_events_s", 100_000.0, True),
    ("track_requests_s", 3_000.0, True),
    ("track_p99_ms", 100.0, False),
    ("reports_worst_s", 0.3, False),
    ("ratio_reports_worst", 0.05, False),
    ("funnel_s", 1.0, False),
    ("ratio_funnel", 0.05, False),
    ("retention_s", 1.5, False),
    ("ratio_disk", 0.25, False),
    ("rss_peak_mb", 900.0, False),
)


@dataclass(slots=True)
class EventFindings:
    """The figures by name, and what was left out."""

    setup: str
    figures: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def print(self) -> None:
        """Print a table."""
        console = Console(width=WIDTH, highlight=False)
        console.print(f"events: {self.setup}\n", markup=False)
        limits = {name: (limit, at_least) for name, limit, at_least in _LIMITS}
        table = Table(box=None, pad_edge=False)
        for title in ("figure", "value", "limit"):
            table.add_column(title, justify="left" if title == "figure" else "right")
        for name, value in self.figures.items():
            limit, at_least = limits.get(name, (None, False))
            sign = ">=" if at_least else "<="
            table.add_row(name, f"{value:,.4g}", "" if limit is None else f"{sign} {limit:,g}")
        console.print(table)
        for sentence in [*self.exceeded(), *self.notes]:
            console.print(f"! {sentence}", markup=False)

    def as_json(self) -> str:
        """Return one line of JSON."""
        document = {"bench": "events", "setup": self.setup, **self.figures, "notes": self.notes}
        return json.dumps(document)

    def exceeded(self) -> Sequence[str]:
        """Return a sentence for each limit that is not held."""
        return [
            f"{name} is {self.figures[name]:.4g}, {'less' if at_least else 'more'} than {limit:g}"
            for name, limit, at_least in _LIMITS
            if name in self.figures
            and (self.figures[name] < limit if at_least else self.figures[name] > limit)
        ]
