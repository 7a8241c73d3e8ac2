"""CRC-32C."""

from hypothesis import given
from hypothesis import strategies as st

from tests.web.prometheus.remote_read.read_client import slow_crc32c
from web.prometheus.remote_read.checksums import crc32c


def test_known_checksum() -> None:
    # The check value of the CRC catalogue.
    assert crc32c(b"123456789") == 0xE3069283


@given(st.one_of(st.binary(max_size=9), st.binary(max_size=5000)))
def test_checksum_equals_that_of_the_definition(data: bytes) -> None:
    assert crc32c(data) == slow_crc32c(data)
