"""How fast pages are, and what open pages cost: `./run bench pages --json`.

`hosts_1000_s` is the time of the hosts page beside 1,000 hosts that are scraped every 15 s,
from the request to the last byte, with its compressed size and the CPU time that the server
spends on one update of an open page. `completion_1m_ms` is the slowest of the requests that the
completion of Explore sends, beside the million series of 2,000 hosts. `dashboard_30_s` is the time
of a dashboard with 30 panels over 400 hosts, from the request of its page to the last answer.
`first_chart_ms` is the time in chromium until the first chart is painted, of the slowest page, and
`interaction_ms` that until the effect of a key or a click is painted, of the slowest interaction.
`pages_500_cores` is the CPU that twenty readers with 25 open pages each cost a server that scrapes
1,000 hosts: lists of hosts, alerts, targets and silences that update live, and a hundred
pages of single hosts that load the new samples of their charts.

Each part waits until its hosts have been scraped, every 15 s. On an idle machine with two cores
`hosts` takes four minutes, `dashboard` and `completion` two each, `charts` and `open` five.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.recordings.recording import add_recording_argument
from benchmarks.harness.reporting.command import comma_separated, plain_parser, run
from benchmarks.harness.reporting.report import Limit, exceeded
from benchmarks.pages.completion import measure_completion
from benchmarks.pages.dashboard_page import measure_dashboard
from benchmarks.pages.first_charts import measure_first_charts
from benchmarks.pages.hosts_page import measure_hosts_page
from benchmarks.pages.open_pages import measure_open_pages

_LIMITS = (
    Limit("hosts_1000_s", 1.0),
    Limit("hosts_kb", 300.0),
    Limit("hosts_update_cpu_ms", 50.0),
    Limit("completion_1m_ms", 150.0),
    Limit("dashboard_30_s", 2.0),
    Limit("first_chart_ms", 500.0),
    Limit("interaction_ms", 100.0),
    Limit("pages_500_cores", 1.0),
)
_PARTS: Final = {
    "hosts": measure_hosts_page,
    "dashboard": measure_dashboard,
    "completion": measure_completion,
    "charts": measure_first_charts,
    "open": measure_open_pages,
}


@dataclass(frozen=True, slots=True)
class PageFindings:
    """The figures of all pages, by name."""

    figures: Mapping[str, float]

    def print(self) -> None:
        """Print one figure a line."""
        for name, value in self.figures.items():
            print(f"{name:24} {value:10.3f}")
        for sentence in self.exceeded():
            print(f"! {sentence}")

    def as_json(self) -> str:
        """Return one line of JSON."""
        return json.dumps({"bench": "pages", **self.figures})

    def exceeded(self) -> Sequence[str]:
        """Return a sentence for each limit that is exceeded."""
        return exceeded(_LIMITS, self.figures)


def measure(options: argparse.Namespace) -> PageFindings:
    """Measure the chosen pages."""
    figures: dict[str, float] = {}
    for part in options.only:
        if part not in _PARTS:
            raise BenchmarkError(f"--only {part}: choose from {', '.join(_PARTS)}")
        figures |= _PARTS[part](options)
    return PageFindings(figures)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure pages beside a large fleet."""
    parser = plain_parser("pages", main.__doc__)
    add_recording_argument(parser)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument(
        "--seconds",
        type=float,
        default=90.0,
        help="of open pages, and of none: twice this for hosts and open",
    )
    parser.add_argument(
        "--only",
        type=comma_separated,
        default=list(_PARTS),
        metavar="PART,...",
        help=f"what is measured: {', '.join(_PARTS)}",
    )
    run(measure, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
