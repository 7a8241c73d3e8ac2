"""The section "Limits" of docs/operations.md: defaults, settings, and tests of every refusal."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from alerting.templates.budget import IN_THREAD
from daemon.configuration.settings import Settings
from ingest.limits.write_limits import WriteLimits
from model.limits import LimitName
from web.ingest.remote_write import _BODY_BYTES

ROOT = Path(__file__).parents[3]
UNITS = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "minutes": 60}
# The default of a cgroup's limit is known at run time only.
AT_RUN_TIME = {"server.memory_limit"}


def rows() -> list[list[str]]:
    """Return the cells of each row: what, default, setting, limit, answer."""
    page = (ROOT / "docs" / "operations.md").read_text()
    section = page.split("\n## Limits\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def numbers(text: str) -> set[float]:
    """Return the numbers of a text in base units."""
    found = re.findall(r"(\d[\d,]*) ?(KiB|MiB|GiB|)", text)
    return {float(digits.replace(",", "")) * UNITS[unit] for digits, unit in found}


def leaves(value: object) -> Iterator[float]:
    """Yield the numbers of a setting and of those below it; None is no limit."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from leaves(getattr(value, name))
    elif isinstance(value, dict):
        for one in value.values():
            yield from leaves(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def setting(path: str) -> object:
    value: object = Settings()
    for name in path.split("."):
        value = getattr(value, name)
    return value


def documented(limit: str) -> set[float]:
    """Return the numbers in the column of defaults of the row that names a limit."""
    (found,) = [numbers(default) for _, default, _, names, _ in rows() if f"`{limit}`" in names]
    return found


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_default_on_the_page_is_the_default_of_the_setting(row: list[str]) -> None:
    _, default, paths, *_ = row
    for path in re.findall(r"`([\w.]+)`", paths):
        if path in AT_RUN_TIME:
            continue
        value, on_page = setting(path), numbers(default)
        known = set(leaves(value))
        if isinstance(value, BaseModel) or path == "web.rate_limits":
            # One row has some of a group of settings.
            assert on_page <= known, path
        else:
            # 0 is no limit, "none" on the page.
            assert known - {0.0} <= on_page, path
        assert on_page or known <= {0.0}, path


def test_limits_without_a_setting_are_those_on_the_page() -> None:
    limits = WriteLimits()
    assert documented("push_request") == {
        float(_BODY_BYTES),
        float(limits.decompressed_bytes),
        float(limits.request.series),
        float(limits.request.samples),
    }
    assert documented("push_waiting") == {float(limits.waiting_bytes)}
    steps = {float(IN_THREAD.steps), float(IN_THREAD.chars), IN_THREAD.seconds}
    assert steps < documented("template_steps")


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_every_row_says_what_the_client_sees(row: list[str]) -> None:
    assert len(row) == 5
    assert re.search(r"\w{3}", row[4])


def test_every_limit_is_refused_in_a_test() -> None:
    own = {Path(__file__), ROOT / "tests" / "model" / "test_limits.py"}
    files = [file for file in (ROOT / "tests").rglob("*.py") if file not in own]
    text = "".join(file.read_text() for file in files)
    named = set(re.findall(r"LimitName\.([A-Z_]+)", text))
    unnamed = [one for one in LimitName if one.name not in named and f'"{one}"' not in text]
    assert unnamed == []
