import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.x509 import CertificateFacts, read_certificate, read_certificates
from tests.exporter.certificate_double import BEGINS, ENDS, self_signed

PEM, _ = self_signed("bücher.example")
DER = ssl.PEM_cert_to_DER_cert(PEM.decode())
FACTS = CertificateFacts(
    "bücher.example", "bücher.example", "0080ff01", BEGINS.timestamp(), ENDS.timestamp()
)


def test_facts_are_those_with_which_the_certificate_was_made() -> None:
    assert read_certificate(DER) == FACTS
    assert read_certificates(DER) == [FACTS]


def test_every_certificate_of_a_pem_file_is_read() -> None:
    assert (
        read_certificates(b"# A chain\n" + PEM + b"\n" + PEM.replace(b"\n", b"\r\n")) == [FACTS] * 2
    )


@given(end=st.integers(0, len(DER) - 1))
def test_certificate_that_breaks_off_is_an_error(end: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_certificate(DER[:end])


@given(at=st.integers(0, len(DER) - 1), content=st.binary(min_size=1, max_size=4))
def test_garbled_certificate_is_read_or_an_error(at: int, content: bytes) -> None:
    try:
        facts = read_certificate(DER[:at] + content + DER[at + len(content) :])
    except ValueError:
        return
    assert isinstance(facts.subject, str)


@given(content=st.binary(max_size=200))
def test_garbage_is_no_certificate(content: bytes) -> None:
    for wrapped in (
        content,
        b"-----BEGIN CERTIFICATE-----" + content + b"-----END CERTIFICATE-----",
    ):
        with pytest.raises(ValueError, match=r"."):
            read_certificates(wrapped)
