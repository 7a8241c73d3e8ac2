"""Fills stores from text with timestamps, as one who comes from another server does."""

from pathlib import Path

from benchmarks.harness.contenders import redshank_command
from benchmarks.harness.processes import finish


def import_text(text: Path, data: Path) -> None:
    """Import OpenMetrics text into a data directory of Redshank."""
    command = redshank_command("store", "import", "--data-dir", str(data), str(text))
    finish("import", command, text.parent)


def compact(data: Path) -> None:
    """Merge what a data directory of Redshank holds as far as it goes."""
    command = redshank_command("store", "compact", "--data-dir", str(data))
    finish("compact", command, data.parent)


def create_blocks(text: Path, data: Path) -> None:
    """Make Prometheus's blocks of OpenMetrics text, as a server does when its head is full."""
    data.mkdir()
    create = ("promtool", "tsdb", "create-blocks-from", "openmetrics")
    finish("promtool", [*create, str(text), str(data)], text.parent)
