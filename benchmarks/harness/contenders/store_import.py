"""Loads OpenMetrics text into stores with their own import tools."""

from pathlib import Path

from benchmarks.harness.contenders.servers import redshank_command
from benchmarks.harness.processes import finish


def import_text(text: Path, data: Path) -> None:
    """Import text into a data directory of Redshank."""
    command = redshank_command("store", "import", "--data-dir", str(data), str(text))
    finish("import", command, text.parent)


def compact(data: Path) -> None:
    """Compact a data directory of Redshank completely."""
    command = redshank_command("store", "compact", "--data-dir", str(data))
    finish("compact", command, data.parent)


def create_blocks(text: Path, data: Path) -> None:
    """Make Prometheus blocks of text, as a server makes them of a full head."""
    data.mkdir()
    create = ("promtool", "tsdb", "create-blocks-from", "openmetrics")
    finish("promtool", [*create, str(text), str(data)], text.parent)
