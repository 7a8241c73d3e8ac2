import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.exporter.expositions import ComparedScrape, compare, shown
from benchmarks.exporter.left_out import OF_ITS_OWN
from exporter.collector_options import CollectorOptions
from exporter.collectors.kernel.loadavg import LoadAverage
from exporter.collectors.system.logind import Sessions
from exporter.collectors.system.systemd import SystemdUnits
from exporter.collectors.system_bus import SystemBus
from exporter.errors import NoDataError
from exporter.gathering import catalogue
from exporter.gathering.gatherer import Gatherer
from exporter.name_filter import NameFilter
from exporter.roots import Roots
from exporter.serving.encoding import Encoder
from exporter.settings import ExporterSettings
from model.clock import system_clock
from tests.exporter.bus_double import host_with, mute_bus, running_bus
from tests.exporter.host_tree import key, samples
from tests.exporter.running_peer import answer_of_node_exporter
from tests.patience import PATIENCE_S
from tests.programs import skip_before_version

UNITS = {
    "cron.service": ("loaded", "active"),
    "broken.service": ("loaded", "failed"),
    "gone.service": ("not-found", "inactive"),
    "fstrim.timer": ("loaded", "active"),
    "ssh.socket": ("loaded", "active"),
    "srv-a\\x2db.mount": ("loaded", "active"),
    "multi-user.target": ("loaded", "active"),
}
PATIENT = partial(SystemBus, timeout_s=PATIENCE_S)
HASTY = partial(SystemBus, timeout_s=0.3)
OPTIONS = (
    "systemd.enable-restarts-metrics",
    "systemd.enable-start-time-metrics",
    "systemd.enable-task-metrics",
)


@pytest.fixture
def host(tmp_path: Path) -> Roots:
    (tmp_path / "run/dbus").mkdir(parents=True)
    return Roots(rootfs=str(tmp_path))


def socket_of(roots: Roots) -> Path:
    return Path(roots.rootfs, "run/dbus/system_bus_socket")


def test_units_have_their_states_and_the_filter_applies(host: Roots) -> None:
    with running_bus(host_with(UNITS), socket_of(host)):
        units = NameFilter(exclude=r"\.(mount|target)$")
        found = samples(SystemdUnits(host, units, connect=PATIENT))
    state = "node_systemd_unit_state"
    assert found[key(state, name="cron.service", state="active", type="notify")] == 1
    assert found[key(state, name="broken.service", state="failed", type="notify")] == 1
    assert found[key(state, name="broken.service", state="active", type="notify")] == 0
    assert {dict(labels)["name"] for name, labels in found if name == state} == {
        "cron.service", "broken.service", "fstrim.timer", "ssh.socket",
    }  # fmt: skip
    assert found[key("node_systemd_units", state="active")] == 5
    assert found[key("node_systemd_units", state="inactive")] == 1
    assert found[key("node_systemd_version", version="257.9-1")] == 257.9
    assert found[key("node_systemd_system_running")] == 1
    assert "node_systemd_service_restart_total" not in {name for name, _ in found}


def test_many_units_are_asked_for_without_filling_a_buffer(host: Roots) -> None:
    units = {f"unit-{number}.service": ("loaded", "active") for number in range(1000)}
    with running_bus(host_with(units), socket_of(host)):
        found = samples(SystemdUnits(host, restarts=True, connect=PATIENT))
    assert found[key("node_systemd_service_restart_total", name="unit-999.service")] == 3


def test_sessions_are_counted_by_seat_and_kind(host: Roots) -> None:
    with running_bus(host_with({}), socket_of(host)):
        found = samples(Sessions(host, PATIENT))
    name = "node_logind_sessions"
    local = {"seat": "seat0", "remote": "false", "type": "wayland"}
    assert found[key(name, **local, **{"class": "user"})] == 1
    other = {"seat": "", "remote": "true", "type": "other", "class": "other"}
    assert found[key(name, **other)] == 1
    assert sum(found.values()) == 2


def test_host_without_a_bus_or_without_systemd_has_no_data(host: Roots) -> None:
    with pytest.raises(NoDataError):
        samples(SystemdUnits(host, connect=PATIENT))
    double = host_with({})
    double.methods.clear()
    with running_bus(double, socket_of(host)), pytest.raises(NoDataError):
        samples(Sessions(host, PATIENT))


@pytest.mark.parametrize("silent", ["Hello", "Get", "ListUnits"])
def test_bus_that_stops_to_answer_ends_the_collector(host: Roots, silent: str) -> None:
    double = replace(host_with(UNITS), silent=frozenset({silent}))
    with running_bus(double, socket_of(host)), pytest.raises(TimeoutError):
        samples(SystemdUnits(host, connect=HASTY))


def test_bus_that_never_writes_a_byte_ends_the_collector(host: Roots) -> None:
    with mute_bus(socket_of(host)), pytest.raises(TimeoutError):
        samples(SystemdUnits(host, connect=HASTY))


def test_scrape_goes_on_without_a_bus_that_never_answers(host: Roots) -> None:
    gatherer = Gatherer((SystemdUnits(host, connect=HASTY), LoadAverage(Roots())), PATIENCE_S)
    with mute_bus(socket_of(host)):
        text = Encoder().encode(gatherer.gather(), "", "").body.decode()
    assert "node_load1 " in text
    assert 'node_scrape_collector_success{collector="systemd"} 0' in text


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.tuples(
            *[
                st.text(
                    st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=8
                )
            ]
            * 4
        ),
        max_size=5,
    ),
    value=st.tuples(st.just("s"), st.text(max_size=8))
    | st.tuples(st.just("t"), st.integers(0, 2**64 - 1)),
)
def test_odd_answers_fail_the_collector_alone(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, str, str]],
    value: tuple[str, object],
) -> None:
    root = tmp_path_factory.mktemp("bus")
    (root / "run/dbus").mkdir(parents=True)
    roots = Roots(rootfs=str(root))
    double = host_with({name: (load, active) for name, load, active, _ in rows})
    double.properties = dict.fromkeys(double.properties, value)
    with running_bus(double, socket_of(roots)):
        for collector in (
            SystemdUnits(roots, restarts=True, tasks=True, connect=PATIENT),
            Sessions(roots, PATIENT),
        ):
            for family in collector.collect():
                assert family.name.startswith("node_")


@pytest.mark.peer
@pytest.mark.slow
def test_units_and_sessions_are_those_that_node_exporter_reports(
    host: Roots, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_before_version("prometheus-node-exporter", (1, 11, 0))
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={socket_of(host)}")
    given_options = dict.fromkeys(OPTIONS, True)
    exporter_settings = ExporterSettings(
        roots=Roots(),
        defaults=False,
        enabled=frozenset({"systemd", "logind"}),
        options=CollectorOptions({**given_options, "systemd.unit-exclude": r".+\.target"}),
    )
    gatherer = Gatherer(catalogue.build(exporter_settings, system_clock), 60)
    flags = [f"--collector.{name}" for name in ("systemd", "logind", *OPTIONS)]
    with (
        running_bus(host_with(UNITS), socket_of(host)),
        answer_of_node_exporter(
            "--collector.disable-defaults", *flags, r"--collector.systemd.unit-exclude=.+\.target"
        ) as text,
    ):
        theirs = ComparedScrape.parse(text)
        ours = ComparedScrape.parse(Encoder().encode(gatherer.gather(), "", "").body.decode())
    assert os.environ["DBUS_SYSTEM_BUS_ADDRESS"]
    assert len(theirs.values) > 100
    found = compare(ours, theirs, OF_ITS_OWN)
    assert [shown(one) for one in found.missing] == []
    assert {shown(one) for one in found.values} == set()
    assert (found.types, found.helps) == ({}, {})
