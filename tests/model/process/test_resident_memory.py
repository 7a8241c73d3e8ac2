"""Resident memory and the limit of the control group."""

import mmap
from pathlib import Path

import numpy as np
import pytest

from model.process.resident_memory import RecentMemory, control_group_limit_bytes, resident_bytes


def test_resident_memory_grows_with_touched_pages() -> None:
    # A mapping of its own: the heap may have that much free memory which is resident already.
    with mmap.mmap(-1, 2**25) as pages:
        before = resident_bytes()
        np.frombuffer(pages, np.uint8)[:] = 1
        assert resident_bytes() - before > 2**24


@pytest.mark.parametrize(
    ("lines", "files", "limit"),
    [
        ("0::/a/b", {"a/b/memory.max": "2000", "a/memory.max": "1000"}, 1000),
        ("0::/a", {"a/memory.max": "max", "memory.max": "max"}, None),
        ("0::/", {"memory.max": "512"}, 512),
        ("0::/gone", {}, None),
        (
            "4:cpu,memory:/a\n0::/",
            {"memory/a/memory.limit_in_bytes": "7", "memory/memory.limit_in_bytes": str(2**63)},
            7,
        ),
        ("4:memory:/a", {"memory/a/memory.limit_in_bytes": "9223372036854771712"}, None),
    ],
)
def test_smallest_limit_of_the_group_and_its_ancestors_counts(
    tmp_path: Path, lines: str, files: dict[str, str], limit: int | None
) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(lines + "\n")
    for name, text in files.items():
        file = tmp_path / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    assert control_group_limit_bytes(tmp_path) == limit


def test_system_without_control_groups_has_no_limit(tmp_path: Path) -> None:
    assert control_group_limit_bytes(tmp_path) is None


def test_recent_memory_is_measured_again_after_a_moment() -> None:
    sizes, now_s = iter([1, 2]), 100.0
    recent = RecentMemory(lambda: next(sizes), lambda: now_s)
    assert [recent(), recent()] == [1, 1]
    now_s += 0.1
    assert recent() == 2
