import sys
from pathlib import Path

import pytest

from exporter.pushing.command import push
from exporter.pushing.push_queue import PushQueue
from exporter.pushing.remote_write import TimedSample, write_request
from ingest.remote_write.snappy import decompressed
from tests.exporter.command_runner import ended
from tests.ports import free_port

SERVER = ["--key", "a-token-of-some-length"]


def pushed(tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    """Run the command without a server; return status, output, and what waits in the queue."""
    url = ["--url", f"http://127.0.0.1:{free_port()}", "--queue", str(tmp_path)]
    result = ended(push, *SERVER, *url, *arguments)
    found = PushQueue(tmp_path).oldest()
    body = "" if found is None else decompressed(found[1].body, 10**6).decode("latin-1")
    return result.status, result.output, body


def test_sample_waits_in_the_queue_while_the_server_is_away(tmp_path: Path) -> None:
    status, output, body = pushed(tmp_path, "backup_size_bytes", "-1.5", "site=home")
    assert status == 0, output
    for text in ("backup_size_bytes", "site", "home", "instance", "job", "push"):
        assert text in body


@pytest.mark.parametrize(
    ("code", "expected"), [("pass", 0), ("raise SystemExit(3)", 3), ("import os; os.abort()", 134)]
)
def test_run_reports_how_the_command_ended_and_ends_alike(
    tmp_path: Path, code: str, expected: int
) -> None:
    arguments = ("--run", "--task", "backup", sys.executable, "-c", code)
    status, output, body = pushed(tmp_path, *arguments)
    assert status == expected, output
    assert "redshank_task_duration_seconds" in body
    assert "redshank_task_exit_status" in body
    assert "backup" in body
    assert ("redshank_task_last_success_timestamp_seconds" in body) is (expected == 0)


def test_command_that_does_not_exist_is_reported_too(tmp_path: Path) -> None:
    status, output, body = pushed(tmp_path, "--run", "no-such-command-here")
    assert (status, "redshank_task_exit_status" in body) == (127, True)
    assert "command not found" in output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "give NAME VALUE"),
        (["--run"], "give --run a COMMAND"),
        (["one"], "give NAME VALUE"),
        (["1one", "2"], "'1one' is not a metric name"),
        (["one", "two"], "'two' is not a number"),
        (["one", "nan"], "'nan' is not a number"),
        (["one", "2", "label"], "'label' is not LABEL=VALUE"),
        (["one", "2", "__name__=x"], "is not LABEL=VALUE"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_queued(
    tmp_path: Path, arguments: list[str], text: str
) -> None:
    status, output, body = pushed(tmp_path, *arguments)
    assert (status, body) == (2, "")
    assert text in output


def test_options_after_the_command_are_the_commands(tmp_path: Path) -> None:
    for dashes in ([], ["--"]):
        arguments = ["--run", *dashes, sys.executable, "-c", "import sys; sys.exit(len(sys.argv))"]
        status, output, _ = pushed(tmp_path, *arguments, "--key", "--run")
        assert status == 3, output


def test_missing_key_is_named(tmp_path: Path) -> None:
    result = ended(push, "--url", "http://a", "--queue", str(tmp_path), "one", "1")
    assert result.status == 1
    assert "the key is missing" in result.output


def test_large_request_is_compressed_in_several_literals() -> None:
    labels = {"__name__": "a", "b": "x" * 200_000}
    body = write_request([TimedSample(labels, 1.0, 1_700_000_000_000)])
    assert decompressed(body, 10**6).count(b"x") == 200_000
