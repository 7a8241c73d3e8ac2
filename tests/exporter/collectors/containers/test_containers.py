import json
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.collectors.containers.containers import Containers
from exporter.collectors.containers.engine import ContainerEngine, EngineContainer
from exporter.errors import NoDataError
from exporter.roots import Roots
from tests.exporter.host_tree import key, roots_of, samples
from tests.patience import PATIENCE_S

ID, OTHER = "a1" * 32, "b2" * 32
DOCKER = f"sys/fs/cgroup/system.slice/docker-{ID}.scope"
PODMAN = f"sys/fs/cgroup/machine.slice/libpod-{OTHER}.scope"
NET = (
    "Inter-|   Receive  |  Transmit\n face |bytes packets\n{}: 10 1 2 3 0 0 0 0 20 4 5 6 0 0 0 0\n"
)
FILES = {
    "sys/fs/cgroup/cgroup.controllers": "cpu memory io pids\n",
    "proc/1/net/dev": NET.format("eth0"),
    "proc/77/net/dev": NET.format("eth9"),
    f"{DOCKER}/cgroup.procs": "77\n78\n",
    f"{DOCKER}/cpu.stat": "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n",
    f"{DOCKER}/memory.current": "1000\n",
    f"{DOCKER}/memory.max": "max\n",
    f"{DOCKER}/memory.stat": "anon 600\nfile 300\ninactive_file 250\n",
    f"{DOCKER}/memory.events": "low 0\noom 4\noom_kill 2\n",
    f"{DOCKER}/io.stat": "8:0 rbytes=512 wbytes=1024 rios=1 wios=2 dbytes=0 dios=0\n",
    f"{DOCKER}/pids.current": "2\n",
    f"{DOCKER}/inner/{'c3' * 32}/memory.current": "5\n",
    f"{PODMAN}/cgroup.procs": "1\n",
    f"{PODMAN}/memory.current": "7\n",
    "sys/fs/cgroup/lxc.payload.web/memory.current": "9\n",
    "sys/fs/cgroup/system.slice/cron.service/memory.current": "5\n",
}


@pytest.fixture(autouse=True, scope="module")
def patient() -> Iterator[None]:
    """Let an engine take as long as a busy machine needs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exporter.collectors.containers.engine._TIMEOUT_S", PATIENCE_S)
        yield


@contextmanager
def serving(path: Path, answers: Mapping[str, bytes]) -> Iterator[list[str]]:
    """Answer requests on a Unix socket; yields the paths that were asked for."""
    asked: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            url = self.rfile.readline().split()[1].decode()
            asked.append(url)
            self.wfile.write(answers.get(url, b"HTTP/1.0 404 Not Found\r\n\r\n"))

    path.parent.mkdir(parents=True, exist_ok=True)
    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


def answer(value: Any) -> bytes:
    return b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + json.dumps(value).encode()


ANSWERS = {
    "/containers/json": answer([{"Id": ID, "Names": ["/db"], "Image": "postgres:18"}]),
    f"/containers/{ID}/json": answer({"RestartCount": 5}),
}


def test_containers_have_their_figures_with_name_and_image(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, FILES)
    with serving(tmp_path / "run/docker.sock", ANSWERS):
        found = samples(Containers(roots))
    db = {"id": f"/system.slice/docker-{ID}.scope", "name": "db", "image": "postgres:18"}
    assert found[key("container_cpu_usage_seconds_total", **db)] == 2.5
    assert found[key("container_memory_usage_bytes", **db)] == 1000
    assert found[key("container_memory_working_set_bytes", **db)] == 750
    assert found[key("container_oom_events_total", **db)] == 2
    assert found[key("container_restarts_total", **db)] == 5
    assert found[key("container_fs_writes_bytes_total", **db, device="8:0")] == 1024
    assert found[key("container_network_receive_bytes_total", **db, interface="eth9")] == 10
    assert found[key("container_network_transmit_bytes_total", **db, interface="eth9")] == 20
    assert key("container_spec_memory_limit_bytes", **db) not in found
    lxc = {"id": "/lxc.payload.web", "name": "web", "image": ""}
    assert found[key("container_memory_usage_bytes", **lxc)] == 9
    # Without an engine, a container has its id; with the network of the host, none of its own.
    short = {"id": f"/machine.slice/libpod-{OTHER}.scope", "name": OTHER[:12], "image": ""}
    assert found[key("container_memory_usage_bytes", **short)] == 7
    networks = {dict(labels)["id"] for name, labels in found if "network" in name}
    assert networks == {db["id"]}
    assert len({labels for name, labels in found if name == "container_memory_usage_bytes"}) == 3


def test_restarts_are_asked_for_once_a_minute(tmp_path: Path) -> None:
    now = [0.0]
    engine = ContainerEngine(Roots(rootfs=str(tmp_path)), lambda: now[0])
    inspect = f"/containers/{ID}/json"
    with serving(tmp_path / "run/docker.sock", ANSWERS) as asked:
        for now[0], count in ((0.0, 1), (59.0, 1), (60.0, 2)):
            assert engine.containers() == {ID: EngineContainer("db", "postgres:18", 5)}
            assert asked.count(inspect) == count


def test_host_without_containers_has_no_data(tmp_path: Path) -> None:
    with pytest.raises(NoDataError):
        samples(Containers(Roots(sys=str(tmp_path))))
    roots = roots_of(tmp_path, {"sys/fs/cgroup/cgroup.controllers": "cpu\n"})
    with pytest.raises(NoDataError):
        samples(Containers(roots))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_garbled_files_fail_no_scrape(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    odd = st.binary(max_size=60) | st.sampled_from(
        [b"", b"max\n", b"a\n", b"8:0 rbytes=x\n", b"9" * 400]
    )
    files = {name: data.draw(odd) for name in FILES if "controllers" not in name}
    roots = roots_of(
        tmp_path_factory.mktemp("host"), {**files, "sys/fs/cgroup/cgroup.controllers": "cpu"}
    )
    for family in Containers(roots).collect():
        assert family.name.startswith("container_")


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=st.binary(max_size=50)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["Id", "Names", "Image", "HostConfig", "RestartCount"]), inner
            )
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_odd_answers_of_an_engine_name_no_container(
    tmp_path_factory: pytest.TempPathFactory, body: bytes
) -> None:
    root = tmp_path_factory.mktemp("engine")
    with serving(root / "run/docker.sock", {"/containers/json": b"HTTP/1.1 200 OK\r\n\r\n" + body}):
        found = ContainerEngine(Roots(rootfs=str(root))).containers()
    assert all(isinstance(one.name, str) for one in found.values())
