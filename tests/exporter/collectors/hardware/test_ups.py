import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.collectors.hardware.ups import PowerBackups
from exporter.errors import NoDataError
from exporter.roots import Roots
from tests.exporter.host_tree import key, samples
from tests.patience import PATIENCE_S
from tests.ports import free_port

ANSWERS = {
    "LIST UPS": b'BEGIN LIST UPS\nUPS office "The office"\nEND LIST UPS\n',
    "LIST VAR office": (
        b'BEGIN LIST VAR office\nVAR office battery.charge "97"\nVAR office input.voltage "-0.5"\n'
        b'VAR office ups.status "OL CHRG ODD"\nVAR office device.model "Smart \\"X\\""\n'
        b'VAR office ups.serial "12 34"\nEND LIST VAR office\n'
    ),
}


@pytest.fixture(autouse=True, scope="module")
def patient() -> Iterator[None]:
    """Let a server take as long as a busy machine needs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exporter.collectors.hardware.ups._TIMEOUT_S", PATIENCE_S)
        yield


@contextmanager
def upsd(answers: Mapping[str, bytes]) -> Iterator[str]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                answer = answers.get(line.decode().strip(), b"ERR UNKNOWN-COMMAND\n")
                self.wfile.write(answer)
                if not answer.endswith(b"\n"):
                    return  # An answer that breaks off.

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_supplies_have_their_numbers_and_flags() -> None:
    with upsd(ANSWERS) as server:
        found = samples(PowerBackups(Roots(), server))
    prefix = "network_ups_tools"
    assert found[key(f"{prefix}_battery_charge", ups="office")] == 97
    assert found[key(f"{prefix}_input_voltage", ups="office")] == -0.5
    flags = {
        flag: found[key(f"{prefix}_ups_status", ups="office", flag=flag)]
        for flag in ("OL", "OB", "ODD")
    }
    assert flags == {"OL": 1, "OB": 0, "ODD": 1}
    assert f"{prefix}_ups_serial" not in {name for name, _ in found}
    assert f"{prefix}_device_info" in {name for name, _ in found}


def test_host_without_a_server_has_no_data() -> None:
    with pytest.raises(NoDataError):
        samples(PowerBackups(Roots(), f"127.0.0.1:{free_port()}"))


def test_server_that_refuses_or_breaks_off_fails_the_collector() -> None:
    with (
        upsd({"LIST UPS": b"ERR ACCESS-DENIED\n"}) as server,
        pytest.raises(OSError, match="ACCESS"),
    ):
        samples(PowerBackups(Roots(), server))
    with (
        upsd({"LIST UPS": b"BEGIN LIST UPS\nUPS "}) as server,
        pytest.raises(OSError, match="closed"),
    ):
        samples(PowerBackups(Roots(), server))


def test_server_that_never_answers_or_never_ends_ends_the_collector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exporter.collectors.hardware.ups._TIMEOUT_S", 0.2)
    with upsd({"LIST UPS": b"BEGIN LIST UPS\n"}) as server, pytest.raises(TimeoutError):
        samples(PowerBackups(Roots(), server))
    monkeypatch.setattr("exporter.collectors.hardware.ups._TIMEOUT_S", PATIENCE_S)
    endless = b"BEGIN LIST UPS\n" + b'UPS a "b"\n' * 300_000
    with upsd({"LIST UPS": endless}) as server, pytest.raises((TimeoutError, ConnectionError)):
        samples(PowerBackups(Roots(), server))


@settings(max_examples=25, deadline=None)
@given(
    lines=st.lists(
        st.sampled_from(ANSWERS["LIST VAR office"].split(b"\n"))
        | st.binary(max_size=20).map(lambda b: b.replace(b"\n", b"")),
        max_size=8,
    )
)
def test_odd_variables_fail_no_scrape(lines: list[bytes]) -> None:
    body = b"\n".join([b"BEGIN LIST VAR office", *lines, b"END LIST VAR office", b""])
    with upsd({**ANSWERS, "LIST VAR office": body}) as server:
        for family in PowerBackups(Roots(), server).collect():
            assert family.name.startswith("network_ups_tools_")
