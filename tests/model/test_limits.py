"""The limits of the server and the count of their refusals."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from model.limits import LimitName, Refusals

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


def test_every_limit_starts_at_zero() -> None:
    assert Refusals().totals() == dict.fromkeys(LimitName, 0)


def test_no_refusal_is_lost_between_threads() -> None:
    refusals = Refusals()

    def refuse() -> None:
        for _ in range(2_000):
            refusals.count(LimitName.MEMORY)

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(refuse) for _ in range(8)]:
            done.result()
    assert refusals.totals()[LimitName.MEMORY] == 16_000


def test_operations_page_has_a_row_for_every_limit() -> None:
    section = OPERATIONS.read_text(encoding="utf-8").split("\n## Limits\n")[1].split("\n## ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("|")][2:]
    named = [name for cells in rows for name in re.findall(r"`(\w+)`", cells[4])]
    assert sorted(named) == sorted(LimitName)
