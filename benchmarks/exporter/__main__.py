"""The exporter beside node_exporter: `./run bench exporter`.

Without options it measures what a scrape costs. With `--parity` it lists the series, types,
help texts and values that differ. With `--endurance` it scrapes 10,000 times and reports what
has grown.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.exporter.cost import LIMITS, report
from benchmarks.exporter.endurance import growth
from benchmarks.exporter.parity import differences
from benchmarks.harness.processes import BenchmarkError


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare the exporter with node_exporter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parity", action="store_true", help="list what differs")
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
        found = differences(options.port)
    except BenchmarkError as exc:
        sys.exit(str(exc))
    if options.json:
        print(json.dumps(found))
        return
    for kind, lines in found.items():
        print(f"{kind}: {len(lines)}")
        for line in lines:
            print(f"  {line}")


if __name__ == "__main__":
    main()
