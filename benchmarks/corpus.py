"""Records scrapes of a local exporter, for other benchmarks to replay: `./run bench corpus`.

./run bench corpus --seconds 3600 --interval 5
"""

import argparse
import contextlib
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness.processes import ended_by_signals
from benchmarks.harness.recordings.recording import (
    PLACES,
    read_recording,
    record_local_exporter,
    write_recording,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Record scrapes of a local exporter."""
    parser = argparse.ArgumentParser(prog="bench corpus", description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--interval", type=float, default=5.0, metavar="SECONDS")
    parser.add_argument("--out", type=Path, default=PLACES[-1] / "node_exporter.scrapes.zst")
    options = parser.parse_args(arguments)
    with contextlib.suppress(KeyboardInterrupt), ended_by_signals():
        write_recording(options.out, record_local_exporter(options.seconds, options.interval))
        print(f"{options.out}: {read_recording(options.out)}")


if __name__ == "__main__":
    main()
