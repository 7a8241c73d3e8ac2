import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.pushing.push_queue import PushQueue, QueuedPush


def a_push(text: str) -> QueuedPush:
    return QueuedPush(text.encode(), {"Content-Type": "text/plain"})


def drained(queue: PushQueue) -> list[str]:
    found = []
    while (oldest := queue.oldest()) is not None:
        name, push = oldest
        found.append(push.body.decode())
        queue.remove(name)
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(times=st.lists(st.integers(0, 10**18), max_size=8), bodies=st.binary(max_size=50))
def test_pushes_leave_in_the_order_of_their_arrival_whatever_the_clock_says(
    tmp_path: Path, times: list[int], bodies: bytes
) -> None:
    clock = iter(times)
    queue = PushQueue(tmp_path / "queue", now_ns=lambda: next(clock))
    for number, _ in enumerate(times):
        queue.add(QueuedPush(bodies + str(number).encode(), {}))
    again = PushQueue(tmp_path / "queue")
    found = []
    while (oldest := again.oldest()) is not None:
        found.append(oldest[1].body.removeprefix(bodies))
        again.remove(oldest[0])
    assert found == [str(number).encode() for number, _ in enumerate(times)]


def test_queue_survives_the_end_of_its_process_and_is_private(tmp_path: Path) -> None:
    PushQueue(tmp_path / "queue").add(a_push("one"))
    queue = PushQueue(tmp_path / "queue")
    queue.add(a_push("two"))
    assert len(queue) == 2
    assert (tmp_path / "queue").stat().st_mode & 0o077 == 0
    assert [path.stat().st_mode & 0o077 for path in (tmp_path / "queue").iterdir()] == [0, 0]
    assert drained(queue) == ["one", "two"]


def test_half_written_and_garbled_files_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "00000000000000000001-9.push").write_bytes(b"garbled")
    (tmp_path / "00000000000000000002-9.push").write_bytes(b"[]\nbody")
    abandoned = tmp_path / "00000000000000000003-9.push.tmp"
    abandoned.write_bytes(b"half")
    os.utime(abandoned, (1, 1))
    queue = PushQueue(tmp_path)
    queue.add(a_push("whole"))
    assert drained(queue) == ["whole"]
    assert [path.name for path in tmp_path.iterdir()] == []


def test_full_queue_drops_its_oldest_pushes(tmp_path: Path) -> None:
    queue = PushQueue(tmp_path, most_bytes=1000)
    for number in range(5):
        queue.add(a_push(f"{number}" * 300))
    assert [text[0] for text in drained(queue)] == ["3", "4"]


def test_disk_that_refuses_writes_keeps_pushes_in_memory_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = PushQueue(tmp_path)
    queue.add(a_push("on disk"))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr(os, "fsync", full)
        queue.add(a_push("in memory"))
        assert len(list(tmp_path.glob("*.tmp"))) == 0
    queue.add(a_push("on disk again"))
    assert drained(queue) == ["on disk", "in memory", "on disk again"]


def test_directory_that_is_removed_keeps_pushes_in_memory(tmp_path: Path) -> None:
    queue = PushQueue(tmp_path / "queue")
    (tmp_path / "queue").rmdir()
    queue.add(a_push("in memory"))
    (tmp_path / "queue").mkdir()
    queue.add(a_push("on disk"))
    assert drained(queue) == ["in memory", "on disk"]


def test_memory_of_a_full_disk_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    queue = PushQueue(tmp_path)
    for number in range(300):
        queue.add(a_push(str(number)))
    assert drained(queue) == [str(number) for number in range(60, 300)]


def test_one_process_sends_at_a_time(tmp_path: Path) -> None:
    one, other = PushQueue(tmp_path), PushQueue(tmp_path)
    with one.sending(wait=False) as is_first, other.sending(wait=False) as is_second:
        assert (is_first, is_second) == (True, False)
    with other.sending(wait=True) as is_now:
        assert is_now
