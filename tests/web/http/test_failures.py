"""The table from exceptions to HTTP statuses."""

from model.memory_pressure import MemoryLimitError, MemoryReading
from web.http.failures import failure_of


def test_work_refused_near_the_memory_limit_is_answered_with_503_and_a_wait() -> None:
    failure = failure_of(MemoryLimitError("this query", MemoryReading(2**30, 2**30)))
    assert (failure.status, failure.headers) == (503, {"Retry-After": "30"})
    assert failure.expected
    assert "server.memory_limit" in failure.message
