"""Serves a fleet of targets that replay recorded scrapes: `./run bench fleet`.

    ./run bench fleet --targets 400 --control 127.0.0.1:7999

serves `http://127.0.x.y:PORT/metrics`. `GET http://127.0.0.1:7999/` returns the port
and what was served.
"""

import argparse
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from benchmarks.harness.load.fleet import FleetPlan, ReplayingTarget, control
from benchmarks.harness.load.replay import make_replay
from benchmarks.harness.load.target_process import serve
from benchmarks.harness.recordings.recording import add_recording_argument, find_recording


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve a fleet of targets that replay recorded scrapes, on loopback."""
    parser = argparse.ArgumentParser(prog="bench fleet", description=main.__doc__)
    parser.add_argument("--targets", type=int, default=400)
    parser.add_argument("--control", default="127.0.0.1:7999", metavar="HOST:PORT")
    add_recording_argument(parser)
    parser.add_argument("--churn-ratio", type=float, default=0.0)
    parser.add_argument("--scrapes-per-generation", type=int, default=60)
    options = parser.parse_args(arguments)
    plan = FleetPlan(options.targets, options.churn_ratio, options.scrapes_per_generation)
    replay = make_replay(find_recording(options.recording), plan.churn_ratio)
    targets = [ReplayingTarget(number, plan, replay) for number in range(plan.targets)]
    with suppress(KeyboardInterrupt):
        serve([target.answer for target in targets], options.control, partial(control, targets))


if __name__ == "__main__":
    main()
