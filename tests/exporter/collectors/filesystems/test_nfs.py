from pathlib import Path

import pytest

from exporter.collectors.filesystems.nfs import NFSClient
from exporter.collectors.filesystems.nfsd import NFSServer
from exporter.errors import NoDataError
from tests.exporter.host_tree import key, roots_of, samples

CLIENT = "net 9 2 3 4\nrpc 5 6 7\nproc3 22 1 2 3\nproc4 2 8 9\n"
SERVER = (
    "rc 1 2 3\nfh 4 0 0 0 0\nio 5 6\nth 8 0\nnet 1 2 3 4\nrpc 10 3 0 1 2\nproc3 22 9 11\n"
    "proc4ops 72 0 0 0 12 13\n"
)


def test_procedures_that_the_kernel_does_not_count_are_zero(tmp_path: Path) -> None:
    found = samples(NFSClient(roots_of(tmp_path, {"proc/net/rpc/nfs": CLIENT})))
    requests = "node_nfs_requests_total"
    assert found[key(requests, proto="3", method="GetAttr")] == 2
    assert found[key(requests, proto="4", method="Read")] == 9
    assert found[key(requests, proto="4", method="Clone")] == 0
    assert found[key("node_nfs_packets_total", protocol="udp")] == 2
    assert found[key("node_nfs_rpc_retransmissions_total")] == 6


def test_operations_of_version_4_begin_with_the_third(tmp_path: Path) -> None:
    found = samples(NFSServer(roots_of(tmp_path, {"proc/net/rpc/nfsd": SERVER})))
    requests = "node_nfsd_requests_total"
    assert found[key(requests, proto="4", method="Access")] == 12
    assert found[key(requests, proto="3", method="GetAttr")] == 11
    assert key(requests, proto="3", method="Null") not in found
    assert found[key("node_nfsd_server_threads")] == 8
    assert found[key("node_nfsd_rpc_errors_total", error="auth")] == 1
    # This kernel has no read-ahead cache.
    assert found[key("node_nfsd_read_ahead_cache_size_blocks")] == 0


def test_host_without_nfs_has_no_data(tmp_path: Path) -> None:
    for collector in (NFSClient, NFSServer):
        with pytest.raises(NoDataError):
            list(collector(roots_of(tmp_path, {})).collect())
