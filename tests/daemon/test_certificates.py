"""The local authority: who can read its key, and what its certificates are good for."""

import datetime as dt
import ssl
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from daemon.certificates import CertificateAuthority, renew_scraper
from daemon.commands.cert import cert
from daemon.data_directory import DataDirectory
from daemon.errors import CertificateError

NOW = dt.datetime(2026, 11, 29, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path)


def alternatives(pem: bytes) -> list[str]:
    found = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    return [str(name.value) for name in found.value]


def test_the_authority_is_made_once_and_only_its_owner_reads_the_key(
    directory: DataDirectory,
) -> None:
    first = CertificateAuthority.open(directory, NOW)
    assert CertificateAuthority.open(directory, NOW).certificate == first.certificate
    assert directory.authority_key.stat().st_mode & 0o777 == 0o600
    assert directory.authority.stat().st_mode & 0o777 == 0o644


def test_a_certificate_is_for_its_names_and_days(directory: DataDirectory) -> None:
    issued = CertificateAuthority.open(directory, NOW).issue(
        ["web-1.example.com", "10.0.0.7", "[2001:db8::1]", "*.example.com"], NOW, 30
    )
    assert alternatives(issued.certificate) == [
        "web-1.example.com",
        "10.0.0.7",
        "2001:db8::1",
        "*.example.com",
    ]
    assert issued.expires == NOW + 30 * DAY


@pytest.mark.parametrize("name", ["", "a b", "http://a", "a:9100", "-a", "a..b", "é", "a" * 254])
def test_what_is_no_name_is_refused(directory: DataDirectory, name: str) -> None:
    with pytest.raises(CertificateError, match="neither a host name nor an IP address"):
        CertificateAuthority.open(directory, NOW).issue([name], NOW, 30)


@given(st.text(max_size=30))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    authority = CertificateAuthority._create(NOW)
    try:
        issued = authority.issue([text], NOW, 1)
    except CertificateError:
        return
    assert len(alternatives(issued.certificate)) == 1


def test_a_certificate_cannot_outlive_the_authority(directory: DataDirectory) -> None:
    authority = CertificateAuthority.open(directory, NOW)
    with pytest.raises(CertificateError, match="the authority is valid until 2036-"):
        authority.issue(["a"], NOW + 3600 * DAY, 365)


@pytest.mark.parametrize("name", ["authority.pem", "authority-key.pem"])
def test_damaged_or_missing_files_are_an_error_and_stay(
    directory: DataDirectory, name: str
) -> None:
    CertificateAuthority.open(directory, NOW)
    (directory.path / name).write_text("broken")
    with pytest.raises(CertificateError, match="restore both from a backup"):
        CertificateAuthority.open(directory, NOW)
    (directory.path / name).unlink()
    with pytest.raises(CertificateError, match="restore both from a backup"):
        CertificateAuthority.open(directory, NOW)
    assert not (directory.path / name).exists()


def test_the_scrapers_certificate_is_renewed_before_it_ends(directory: DataDirectory) -> None:
    assert renew_scraper(directory, NOW)
    assert not renew_scraper(directory, NOW + 300 * DAY)
    assert renew_scraper(directory, NOW + 310 * DAY)
    assert directory.scraper_key.stat().st_mode & 0o777 == 0o600
    directory.scraper_certificate.write_text("broken")
    assert renew_scraper(directory, NOW)
    directory.authority.unlink()
    directory.authority_key.unlink()
    # A new authority bears the same name.
    assert renew_scraper(directory, NOW)
    assert not renew_scraper(directory, NOW)
    ssl.create_default_context().load_cert_chain(
        directory.scraper_certificate, directory.scraper_key
    )


def test_one_command_writes_all_that_a_host_needs(tmp_path: Path) -> None:
    out, data = tmp_path / "web-1", tmp_path / "data"
    arguments = ["web-1.example.com", "10.0.0.7", "--out", str(out), "--data-dir", str(data)]
    done = CliRunner().invoke(cert, arguments)
    assert done.exit_code == 0, done.output
    assert sorted(file.name for file in out.iterdir()) == [
        "ca.pem",
        "cert.pem",
        "key.pem",
        "web.yml",
    ]
    assert (out / "key.pem").stat().st_mode & 0o777 == 0o600
    assert "client_allowed_sans: [redshank-scraper]" in (out / "web.yml").read_text()
    first = (out / "cert.pem").read_bytes()
    assert CliRunner().invoke(cert, [*arguments, "--any-client"]).exit_code == 0
    assert (out / "cert.pem").read_bytes() != first
    assert "client" not in (out / "web.yml").read_text()
    assert (out / "ca.pem").read_bytes() == (data / "authority.pem").read_bytes()


def test_a_bad_name_is_an_error_of_the_command(tmp_path: Path) -> None:
    arguments = ["http://a", "--out", str(tmp_path / "a"), "--data-dir", str(tmp_path / "data")]
    done = CliRunner().invoke(cert, arguments)
    assert done.exit_code == 1
    assert '"http://a" is neither a host name nor an IP address' in done.output
