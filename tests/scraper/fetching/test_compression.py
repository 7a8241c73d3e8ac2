import gzip

import pytest

from scraper.errors import FetchError
from scraper.fetching.compression import gunzip

TEXT = b"a 1\n"


@pytest.mark.parametrize("limit_bytes", [0, 100])
def test_members_are_joined(limit_bytes: int) -> None:
    assert gunzip(gzip.compress(TEXT) * 16, limit_bytes) == TEXT * 16


def test_thousands_of_members_are_refused() -> None:
    """Each further member copies the rest of the body."""
    with pytest.raises(FetchError, match="more than 16 members"):
        gunzip(gzip.compress(b"") * 5_000, 0)


def test_limit_counts_over_all_members() -> None:
    with pytest.raises(FetchError, match="body size limit"):
        gunzip(gzip.compress(bytes(60)) * 2, 100)
