"""The log lines that docs/operations.md names exist, and a test produces each fault."""

import ast
import re
from collections.abc import Iterator
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


def rows_of_faults() -> list[str]:
    """Return the conditions of the table of faults, and what "none: …" names, in order."""
    text = (ROOT / "docs/operations.md").read_text()
    table = text.partition("## Table of faults")[2].partition("\n## ")[0]
    return re.findall(r"^\| (?:`|none: )([^`|]+?)`? \|", table, re.MULTILINE)


def produced_faults() -> Iterator[tuple[str, str]]:
    """Yield what the tests mark with `pytest.mark.fault`, each with the test's name."""
    for file in (ROOT / "tests").rglob("test_*.py"):
        text = file.read_text()
        if "mark.fault(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for one in node.decorator_list:
                    if ast.unparse(one).startswith("pytest.mark.fault("):
                        for name in ast.literal_eval(f"[{ast.unparse(one)[18:-1]}]"):
                            yield name, node.name


def test_table_of_faults_has_a_row_for_each_condition_and_no_other() -> None:
    conditions = [row for row in rows_of_faults() if re.fullmatch("[a-z_]+", row)]
    assert sorted(conditions) == sorted(kind.name for kind in CONDITION_KINDS)


def test_every_row_of_the_table_of_faults_is_produced_by_a_test() -> None:
    rows, produced = set(rows_of_faults()), {name for name, _ in produced_faults()}
    assert len(rows) >= len(CONDITION_KINDS) + 3
    assert rows - produced == set(), "mark the test that produces it: @pytest.mark.fault(…)"
    assert produced - rows == set(), "no such row in docs/operations.md"
