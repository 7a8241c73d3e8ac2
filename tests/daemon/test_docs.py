"""The log lines that docs/operations.md names exist."""

import re
from pathlib import Path

from model.conditions import CONDITION_KINDS

ROOT = Path(__file__).parents[2]
PACKAGES = ("model", "storage", "scraper", "ingest", "alerting", "analytics", "web", "daemon")


def literals() -> set[str]:
    """Return the string literals of the packages that may be names of events."""
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {text for file in files for text in re.findall(r'"([a-z_]+)"', file.read_text())}


def test_log_lines_of_faults_are_logged() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    table = page.partition("## Log lines")[2].partition("\n## ")[0]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("|")]
    events = set(re.findall(r"`([a-z_]+)`", " ".join(cells)))
    assert len(events) > 15
    assert events - literals() == set()


def test_table_of_faults_has_a_row_for_each_condition_and_no_other() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    table = text.partition("## Table of faults")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE)
    assert sorted(rows) == sorted(kind.name for kind in CONDITION_KINDS)
