from exporter.collectors.kernel.processes import Processes
from exporter.roots import Roots
from tests.exporter.host_tree import key, samples


def test_processes_of_this_host_include_this_one() -> None:
    found = samples(Processes(Roots()))
    assert found[key("node_processes_pids")] >= 1
    assert found[key("node_processes_threads")] >= found[key("node_processes_pids")]
