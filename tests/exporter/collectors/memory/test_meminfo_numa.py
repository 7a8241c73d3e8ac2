from pathlib import Path

import pytest

from exporter.collectors.cpu.vulnerabilities import Vulnerabilities
from exporter.collectors.kernel.cgroups import ControlGroups
from exporter.collectors.kernel.interrupts import Interrupts, SoftInterrupts
from exporter.collectors.memory.buddyinfo import BuddyAllocator
from exporter.collectors.memory.ksmd import SamePageMerging
from exporter.collectors.memory.meminfo_numa import NodeMemory
from exporter.collectors.memory.slabinfo import Slabs
from exporter.collectors.memory.swap import SwapDevices
from exporter.errors import NoDataError
from tests.exporter.host_tree import key, roots_of, samples


def test_memory_of_each_node_is_in_bytes(tmp_path: Path) -> None:
    base = "sys/devices/system/node/node1"
    roots = roots_of(
        tmp_path,
        {
            f"{base}/meminfo": "Node 1 Active(anon): 3 kB\nNode 1 HugePages_Total: 2\n",
            f"{base}/numastat": "numa_hit 7\n",
        },
    )
    assert samples(NodeMemory(roots)) == {
        key("node_memory_numa_Active_anon", node="1"): 3072,
        key("node_memory_numa_HugePages_Total", node="1"): 2,
        key("node_memory_numa_numa_hit_total", node="1"): 7,
    }
    with pytest.raises(NoDataError):
        NodeMemory(roots_of(tmp_path / "none", {})).collect()


def test_free_blocks_are_counted_by_size(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, {"proc/buddyinfo": "Node 0, zone    DMA      1      5 \n"})
    labels = {"node": "0", "zone": "DMA"}
    assert samples(BuddyAllocator(roots)) == {
        key("node_buddyinfo_blocks", **labels, size="0"): 1,
        key("node_buddyinfo_blocks", **labels, size="1"): 5,
    }


def test_swap_and_slabs_and_merged_pages_are_read(tmp_path: Path) -> None:
    roots = roots_of(
        tmp_path,
        {
            "proc/swaps": "Filename Type Size Used Priority\n/swap file 8 4 -2\n",
            "proc/slabinfo": "slabinfo - version: 2.1\n# name\ndentry 1 2 3 4 5 : tunables\n",
            "sys/kernel/mm/ksm/sleep_millisecs": "20\n",
        },
    )
    swap = {"device": "/swap", "swap_type": "file"}
    assert samples(SwapDevices(roots))[key("node_swap_used_bytes", **swap)] == 4096
    slab = key("node_slabinfo_pages_per_slab", slab="dentry")
    assert samples(Slabs(roots))[slab] == 5
    assert samples(SamePageMerging(roots)) == {key("node_ksmd_sleep_seconds"): 0.02}


def test_interrupts_are_described_by_controller_and_devices(tmp_path: Path) -> None:
    roots = roots_of(
        tmp_path,
        {
            "proc/interrupts": "    CPU0 CPU1\n 16: 1 2 IO-APIC  18-edge   usb1, mmc0\n"
            "NMI: 3 4 Non-maskable interrupts\nERR: 0\n",
            "proc/softirqs": "   CPU0 CPU1\n  HI: 7 1\n",
            "proc/cgroups": "#subsys_name hierarchy num_cgroups enabled\ncpuset 5 47 1\n",
        },
    )
    found = samples(Interrupts(roots))
    usb = {"type": "16", "info": "IO-APIC", "devices": "18-edge usb1, mmc0"}
    assert found[key("node_interrupts_total", cpu="1", **usb)] == 2
    nmi = {"type": "NMI", "info": "Non-maskable interrupts", "devices": ""}
    assert found[key("node_interrupts_total", cpu="0", **nmi)] == 3
    assert len(found) == 4
    soft = key("node_softirqs_functions_total", cpu="0", type="HI")
    assert samples(SoftInterrupts(roots))[soft] == 7
    groups = key("node_cgroups_cgroups", subsys_name="cpuset")
    assert samples(ControlGroups(roots))[groups] == 47


def test_errors_of_the_only_cpu_are_no_interrupt(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, {"proc/interrupts": "   CPU0\nNMI: 3 Non-maskable\nERR: 0\n"})
    assert {dict(labels)["type"] for _, labels in samples(Interrupts(roots))} == {"NMI"}


def test_mitigation_of_a_vulnerability_is_a_label(tmp_path: Path) -> None:
    base = "sys/devices/system/cpu/vulnerabilities"
    roots = roots_of(
        tmp_path, {f"{base}/retbleed": "Mitigation: IBRS: on\n", f"{base}/mds": "Not affected\n"}
    )
    info = "node_cpu_vulnerabilities_info"
    assert samples(Vulnerabilities(roots)) == {
        key(info, codename="retbleed", state="mitigation", mitigation="IBRS: on"): 1,
        key(info, codename="mds", state="not affected", mitigation=""): 1,
    }
