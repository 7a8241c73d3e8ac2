"""Entry point of `python -m exporter`, which runs the exporter without a server."""

import sys

from exporter.command import exporter

if __name__ == "__main__":
    exporter(sys.argv[1:])
