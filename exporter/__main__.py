"""Entry point of `python -m exporter`, which runs the exporter without a server."""

from exporter.command import exporter

if __name__ == "__main__":
    exporter(prog_name="redshank exporter")
