import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from exporter.collectors.probes.certificates import Certificates
from exporter.errors import NoDataError
from exporter.roots import Roots
from tests.exporter.certificate_double import ENDS, self_signed
from tests.exporter.host_tree import key, samples
from tests.patience import PATIENCE_S
from tests.ports import free_port

PEM, KEY = self_signed("localhost")
DER = ssl.PEM_cert_to_DER_cert(PEM.decode())


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let servers take as long as a busy machine needs."""
    for name in ("_TIMEOUT_S", "_DEADLINE_S"):
        monkeypatch.setattr(f"exporter.collectors.probes.certificates.{name}", PATIENCE_S)


@contextmanager
def tls_server(directory: Path) -> Iterator[str]:
    (directory / "cert.pem").write_bytes(PEM)
    (directory / "key.pem").write_bytes(KEY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with suppress(OSError):
                        context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def place(**labels: str) -> dict[str, str]:
    return {"filepath": "", "endpoint": "", **labels}


def test_files_have_their_expiry_and_those_that_are_none_an_error(tmp_path: Path) -> None:
    (tmp_path / "etc/tls").mkdir(parents=True)
    (tmp_path / "etc/tls/a.pem").write_bytes(PEM)
    (tmp_path / "etc/tls/b.pem").write_text("no certificate")
    roots = Roots(rootfs=str(tmp_path))
    found = samples(Certificates(roots, ["/etc/tls/*.pem", "/etc/missing.pem"]))
    facts = {"subject_CN": "localhost", "issuer_CN": "localhost", "serial_number": "0080ff01"}
    assert (
        found[key("x509_cert_not_after", **place(filepath="/etc/tls/a.pem"), **facts)]
        == ENDS.timestamp()
    )
    errors = {
        dict(labels)["filepath"]: value
        for (name, labels), value in found.items()
        if name == "x509_cert_error"
    }
    assert errors == {"/etc/tls/a.pem": 0, "/etc/tls/b.pem": 1, "/etc/missing.pem": 1}


def test_servers_show_their_certificate_though_nobody_trusts_it(tmp_path: Path) -> None:
    with tls_server(tmp_path) as endpoint:
        gone = f"127.0.0.1:{free_port()}"
        found = samples(Certificates(Roots(), endpoints=[endpoint, gone]))
    assert found[key("x509_cert_error", **place(endpoint=endpoint))] == 0
    assert found[key("x509_cert_error", **place(endpoint=gone))] == 1
    assert [value for (name, _), value in found.items() if name == "x509_cert_not_after"] == [
        ENDS.timestamp()
    ]


def test_servers_are_asked_every_five_minutes_and_again_after_a_failure() -> None:
    now, asked = [0.0], []

    def fetch(endpoint: str) -> bytes:
        asked.append(endpoint)
        if len(asked) == 1:
            raise OSError("no route to host")
        return DER

    collector = Certificates(Roots(), endpoints=["a:1"], fetch=fetch, monotonic=lambda: now[0])
    for now[0], count in ((0.0, 1), (1.0, 2), (299.0, 2), (302.0, 3)):
        samples(collector)
        assert len(asked) == count


def test_collector_without_certificates_has_no_data() -> None:
    with pytest.raises(NoDataError):
        samples(Certificates(Roots()))
