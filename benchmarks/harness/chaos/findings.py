"""The result of a chaos run: a row for each round, totals, one line of JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from rich.console import Console
from rich.table import Table

from benchmarks.harness.chaos.judge import AlertVerdict

_WIDTH = 150


@dataclass(slots=True)
class RoundFindings:
    """What happened in one round.

    Attributes:
        number: from 1 on.
        faults: key of each fault -> its details.
        seconds: how long it took, recovery included.
        recovery_s: from the end of the last fault until all was well.
        due: notifications that had to arrive.
        slowest_s: the longest time from when an alert could be known to its arrival.
        rss_mb: the highest resident memory.
        seen: what `/health` and the server's own alerts said.
        problems: by kind: `missed`, `false`, `lost`, `unrecovered`.
        log: where the server's log of a failed round is.
    """

    number: int
    faults: dict[str, str]
    seconds: float = 0.0
    recovery_s: float = 0.0
    due: int = 0
    slowest_s: float = 0.0
    rss_mb: float = 0.0
    seen: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    log: str = ""


@dataclass(slots=True)
class ChaosFindings:
    """The result of all rounds.

    Attributes:
        setup: a description of the run.
        left_out: faults that this machine does not allow, with the reason.
        rss_limit_mb: the bound of resident memory.
    """

    setup: str
    left_out: Mapping[str, str]
    rss_limit_mb: float
    rounds: list[RoundFindings] = field(default_factory=list)
    verdict: AlertVerdict = field(default_factory=AlertVerdict)
    pushes: int = 0
    records: int = 0

    @property
    def rss_peak_mb(self) -> float:
        """The highest resident memory of all rounds."""
        return max((one.rss_mb for one in self.rounds), default=0.0)

    def count(self, kind: str) -> int:
        """Return how many problems of a kind there are."""
        return sum(one == kind for each in self.rounds for one, _ in each.problems)

    def print(self) -> None:
        """Print a table, then each problem."""
        console = Console(width=_WIDTH, highlight=False)
        console.print(f"chaos: {self.setup}\n", markup=False)
        for key, reason in self.left_out.items():
            console.print(f"left out: {key}: {reason}", markup=False)
        console.print(self._table())
        slowest = max((one.slowest_s for one in self.rounds), default=0.0)
        console.print(
            f"\nalerts due {self.verdict.due}, fired {self.verdict.fired}, slowest {slowest:.1f} s;"
            f" {self.verdict.repeats} excused repeats\nacknowledged: {self.pushes:,} pushes,"
            f" {self.records:,} records\nRSS peak {self.rss_peak_mb:.0f} MB"
            f" of {self.rss_limit_mb:.0f} MB",
            markup=False,
        )
        for each in self.rounds:
            for kind, text in each.problems:
                console.print(f"! round {each.number}: {kind}: {text}", markup=False)
            if each.log:
                console.print(f"  its log: {each.log}", markup=False)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        for title in ("round", "seconds", "recovery s", "due", "slowest s", "RSS MB"):
            table.add_column(title, justify="right", no_wrap=True)
        for title in ("faults", "seen", "result"):
            table.add_column(title, overflow="fold")
        for one in self.rounds:
            faults = "\n".join(
                f"{key} ({detail})" if detail else key for key, detail in one.faults.items()
            )
            kinds = [kind for kind, _ in one.problems]
            result = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
            table.add_row(
                str(one.number),
                f"{one.seconds:.0f}",
                f"{one.recovery_s:.1f}",
                str(one.due),
                f"{one.slowest_s:.1f}",
                f"{one.rss_mb:.0f}",
                faults or "none",
                "\n".join(one.seen),
                result or "ok",
            )
        return table

    def by_fault(self) -> dict[str, dict[str, object]]:
        """Return for each fault its rounds, its failed rounds and what was seen."""
        found: dict[str, dict[str, object]] = {}
        for key in sorted({key for one in self.rounds for key in one.faults}):
            rounds = [one for one in self.rounds if key in one.faults]
            found[key] = {
                "rounds": len(rounds),
                "failed": [one.number for one in rounds if one.problems],
                "slowest_s": round(max(one.slowest_s for one in rounds), 1),
                "recovery_s": round(max(one.recovery_s for one in rounds), 1),
                "rss_mb": round(max(one.rss_mb for one in rounds), 1),
                "seen": sorted({text for one in rounds for text in one.seen}),
            }
        return found

    def as_json(self) -> str:
        """Return one line of JSON."""
        return json.dumps(
            {
                "bench": "chaos",
                "setup": self.setup,
                "rounds": len(self.rounds),
                "missed_alerts": self.count("missed"),
                "false_alerts": self.count("false"),
                "lost": self.count("lost"),
                "unrecovered": self.count("unrecovered"),
                "rss_peak_mb": round(self.rss_peak_mb, 1),
                "alerts_due": self.verdict.due,
                "pushes": self.pushes,
                "records": self.records,
                "left_out": dict(self.left_out),
                "faults": self.by_fault(),
                "failed_rounds": [asdict(one) for one in self.rounds if one.problems],
            }
        )

    def exceeded(self) -> Sequence[str]:
        """Return a sentence for each problem, and for memory over its bound."""
        problems = [
            f"round {one.number}: {kind}: {text}"
            for one in self.rounds
            for kind, text in one.problems
        ]
        if self.rss_peak_mb > self.rss_limit_mb:
            most = f"more than {self.rss_limit_mb:.0f} MB"
            problems.append(f"RSS peak is {self.rss_peak_mb:.0f} MB, {most}")
        return problems
