from pathlib import Path

import pytest

from exporter.collectors.kernel.sysctl import KernelSettings
from exporter.errors import NoDataError, OptionError
from tests.exporter.host_tree import key, roots_of, samples

FILES = {"proc/sys/fs/file-nr": "1024\t0\t999\n", "proc/sys/kernel/ostype": "Linux\n"}


INFO = {"name": "kernel.ostype", "index": "0", "value": "Linux"}


def test_values_have_an_index_or_the_keys_of_the_option(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, FILES)
    include = ["fs.file-nr", "fs.file-nr:total,current,max"]
    assert samples(KernelSettings(roots, include, ["kernel.ostype"])) == {
        key("node_sysctl_fs_file_nr", index="0"): 1024,
        key("node_sysctl_fs_file_nr", index="1"): 0,
        key("node_sysctl_fs_file_nr", index="2"): 999,
        key("node_sysctl_fs_file_nr_total"): 1024,
        key("node_sysctl_fs_file_nr_current"): 0,
        key("node_sysctl_fs_file_nr_max"): 999,
        ("node_sysctl_info", frozenset(INFO.items())): 1,
    }


@pytest.mark.parametrize("text", ["", "../passwd", "a..b", "a/b", "a:", "a:b,", ".a"])
def test_setting_that_is_no_name_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(OptionError, match=r"--collector\.sysctl\.include: .* is not NAME"):
        KernelSettings(roots_of(tmp_path, FILES), [text])


def test_text_wrong_number_of_values_and_no_setting_are_errors(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, FILES)
    for include in ("kernel.ostype", "fs.file-nr:one"):
        with pytest.raises(ValueError, match=r"invalid literal|has 3 values, not 1"):
            samples(KernelSettings(roots, [include]))
    with pytest.raises(NoDataError):
        samples(KernelSettings(roots))
