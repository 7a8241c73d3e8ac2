"""Runs the exporter on its own: `python -m exporter`."""

from exporter.command import exporter

if __name__ == "__main__":
    exporter(prog_name="redshank exporter")
