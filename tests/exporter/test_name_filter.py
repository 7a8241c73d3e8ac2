import pytest

from exporter.collector_options import DISKS, CollectorOptions
from exporter.errors import OptionError, PatternError
from exporter.name_filter import ALL_NAMES, NameFilter


def test_filter_accepts_what_include_matches_and_exclude_does_not() -> None:
    assert ALL_NAMES.accepts("")
    chosen = NameFilter("^eth", "1$")
    assert [name for name in ("eth0", "eth1", "wlan0") if chosen.accepts(name)] == ["eth0"]


def test_include_pattern_replaces_the_default_exclude_pattern() -> None:
    default = CollectorOptions().filter("diskstats.device")
    assert (default.accepts("sda"), default.accepts("sda1")) == (True, False)
    assert DISKS
    chosen = CollectorOptions({"diskstats.device-include": "^sda"}).filter("diskstats.device")
    assert chosen.accepts("sda1")


def test_patterns_of_units_match_whole_names_and_apply_together() -> None:
    units = CollectorOptions({"systemd.unit-include": r"(ssh|cron)\..+"}).both("systemd.unit")
    names = ("ssh.service", "cron.slice", "xssh.service", "ssh.service")
    assert [units.accepts(name) for name in names] == [True, False, False, True]


def test_contradiction_unknown_option_and_bad_pattern_are_errors() -> None:
    both = CollectorOptions({"arp.device-include": "a", "arp.device-exclude": "b"})
    with pytest.raises(OptionError, match=r"--collector\.arp\.device-exclude"):
        both.filter("arp.device")
    with pytest.raises(KeyError):
        CollectorOptions({"arp.nonsense": "a"})
    with pytest.raises(PatternError, match="unterminated"):
        NameFilter("[a")
