"""`redshank check` reads what a shell gives it as a pipe, and no FIFO that has a name."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daemon.commands.check import check

RULES = "groups: [{name: a, rules: [{alert: B, expr: 'up == 0'}]}]"


@contextmanager
def piped(text: str) -> Iterator[str]:
    """Give the path of a pipe as process substitution does; a thread writes to it."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "w") as file:
            file.write(text)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield f"/dev/fd/{reading}"
    finally:
        os.close(reading)
        writer.join()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(check, arguments)


@pytest.mark.parametrize(
    ("command", "text", "answer"),
    [
        ("rules", RULES, "1 group, 1 rule, all good\n"),
        ("config", "scrape: {interval: 5s, timeout: 5s}", "the configuration is good\n"),
        ("config", "global: {scrape_interval: 5s}", "0 jobs, 0 static targets, 0 rule groups\n"),
        ("scrape-config", "scrape_configs: []", "0 jobs, 0 static targets, 0 rule groups\n"),
        ("rules", f"{RULES}\n{'# much' * 50_000}", "1 group, 1 rule, all good\n"),
    ],
)
def test_pipe_is_read_like_a_file(command: str, text: str, answer: str) -> None:
    with piped(text) as path:
        assert run(command, path).output == answer


def test_error_in_a_pipe_names_the_pipe() -> None:
    with piped("scrape:\n  intervall: 5s\n") as path:
        result = run("config", path)
    assert result.exit_code == 1
    assert f"{path}:2: scrape.intervall: unknown key" in result.output


@pytest.mark.parametrize("command", ["rules", "config", "scrape-config"])
def test_fifo_with_a_name_is_refused_at_once(command: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    result = run(command, str(tmp_path / "fifo"))
    assert result.exit_code == 1
    assert "not a regular file" in result.output
