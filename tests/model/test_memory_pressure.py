"""What is refused near the memory limit."""

from model.memory_pressure import MemoryLimitError, MemoryReading


def test_refusal_names_the_setting_and_the_wait() -> None:
    error = MemoryLimitError("this query", MemoryReading(2**30, 900 * 2**20))
    assert str(error) == (
        "this query is refused: the server uses 900 MiB of its memory limit of 1024 MiB"
        " (server.memory_limit); try again in 30 s"
    )
    assert error.retry_after_s == 30
