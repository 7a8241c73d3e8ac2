"""The exporter beside node_exporter: `./run bench exporter`.

Without options it measures what a scrape costs. With `--parity` it lists the series, types,
help texts and values that differ, on this host and on the trees of node_exporter's own test. With
`--endurance` it scrapes 10,000 times and reports what has grown.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.exporter.cost import LIMITS, report
from benchmarks.exporter.endurance import growth
from benchmarks.exporter.parity import TREES, Parity, on_this_host, on_trees
from benchmarks.harness.processes import BenchmarkError


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare the exporter with node_exporter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parity", action="store_true", help="list what differs")
    parser.add_argument("--trees", type=Path, default=TREES, help="archive of recorded trees")
    parser.add_argument("--endurance", action="store_true", help="find memory that grows")
    parser.add_argument("--scrapes", type=int, help="300; 10,000 with --endurance")
    parser.add_argument("--port", type=int, default=39750, help="the first of two ports")
    parser.add_argument("--check", action="store_true", help="fail if a limit is exceeded")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.endurance:
        grown = growth(options.scrapes or 10_000, options.port)
        print(json.dumps(asdict(grown)))
        if options.check and not grown.is_flat:
            sys.exit("the exporter grows from scrape to scrape")
        return
    if not options.parity:
        ratios = report(options.scrapes or 300, options.port, as_json=options.json)
        exceeded = {
            name: ratios.get(name) for name in LIMITS if ratios.get(name, 1e9) > LIMITS[name]
        }
        if options.check and exceeded:
            sys.exit(f"above the limits {dict(LIMITS)}: {exceeded}")
        return
    try:
        found = _parities(options.trees, (options.port, options.port + 1))
    except BenchmarkError as exc:
        sys.exit(str(exc))
    if options.json:
        print(json.dumps({name: asdict(parity) for name, parity in found.items()}))
    else:
        for name, parity in found.items():
            _print(name, parity)
    if options.check and not all(parity.holds for parity in found.values()):
        sys.exit("differs from node_exporter without a reason, or in too many series")


def _parities(trees: Path, ports: tuple[int, int]) -> dict[str, Parity]:
    """Compare on this host, and on the trees if they are here."""
    found = {"this host": on_this_host(ports)}
    if trees.exists():
        found["recorded trees"] = on_trees(trees, ports)
    else:
        print(f"without the recorded trees: {trees} does not exist", file=sys.stderr)
    return found


def _print(name: str, parity: Parity) -> None:
    print(f"{name}: {parity.series:,} series of node_exporter")
    for kind in ("missing", "types", "helps", "values"):
        lines = getattr(parity, kind)
        print(f"  {kind}: {len(lines)}")
        for line in lines:
            print(f"    {line}")
    print("  left out with a reason:")
    for prefix, one in parity.left_out.items():
        print(f"    {prefix}: {one.missing} missing, {one.values} other values: {one.reason}")


if __name__ == "__main__":
    main()
