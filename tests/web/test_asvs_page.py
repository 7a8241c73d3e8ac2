"""docs/asvs.md covers the standard, and names tests that exist."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "asvs.md").read_text()
# Requirements of levels 1 and 2 in each section of ASVS 5.0.0, which numbers them from 1.
_COUNTS: Final = """
1.1:2 1.2:9 1.3:11 1.4:3 1.5:2 2.1:3 2.2:3 2.3:4 2.4:1 3.2:2 3.3:4 3.4:6 3.5:5 3.7:2
4.1:3 4.2:1 4.3:2 4.4:4 5.1:1 5.2:3 5.3:2 5.4:3 6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3
6.8:4 7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 7.6:2 8.1:2 8.2:3 8.3:1 8.4:1 9.1:3 9.2:4 10.1:2
10.2:2 10.3:4 10.4:11 10.5:5 10.6:2 10.7:3 11.1:2 11.2:3 11.3:3 11.4:4 11.5:1 11.6:1
12.1:3 12.2:2 12.3:4 13.1:1 13.2:5 13.3:2 13.4:5 14.1:2 14.2:4 14.3:3 15.1:3 15.2:3
15.3:7 16.1:1 16.2:5 16.3:4 16.4:3 16.5:3 17.1:1 17.2:4 17.3:2
"""
SECTIONS: Final = dict(each.split(":") for each in _COUNTS.split())


def requirements(text: str) -> list[str]:
    """Return the numbers in a text; `6.2.1 to 6.2.3` stands for three."""
    found = []
    for first, last in re.findall(r"(\d+\.\d+\.\d+)(?: to (\d+\.\d+\.\d+))?", text):
        section, _, number = first.rpartition(".")
        end = int(last.rpartition(".")[2]) if last else int(number)
        found += [f"{section}.{each}" for each in range(int(number), end + 1)]
    return found


def test_every_requirement_of_levels_1_and_2_is_answered_once() -> None:
    chapters, _, _ = PAGE.partition("## Not met")
    rows = [line.split("|")[1] for line in chapters.splitlines() if re.match(r"\| \d", line)]
    prose = re.findall(r"^(?:Redshank is no|Not used:|10\.5\.1).*$", chapters, re.MULTILINE)
    answered = [number for text in rows + prose for number in requirements(text)]
    assert len(answered) == len(set(answered))
    wanted = {
        f"{section}.{n}" for section, most in SECTIONS.items() for n in range(1, int(most) + 1)
    }
    assert len(wanted) == 253
    assert set(answered) == wanted


def test_what_is_not_met_is_explained() -> None:
    chapters, _, rest = PAGE.partition("## Not met")
    explained = re.findall(r"^\| (\d+\.\d+\.\d+) \|", rest, re.MULTILINE)
    rows = [line for line in chapters.splitlines() if "[not met](#not-met)" in line]
    assert explained == [row.split("|")[1].strip() for row in rows if row.startswith("| ")]


def test_every_named_test_exists() -> None:
    missing = []
    for path, name in re.findall(r"`(tests/[\w/.]+)(?:::(\w+))?`", PAGE):
        file = ROOT / path
        if not file.exists() or (name and f"def {name}(" not in file.read_text()):
            missing.append(f"{path}::{name}")
    assert missing == []
