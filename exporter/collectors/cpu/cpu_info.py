"""Descriptions of the CPUs: model, microcode, and the flags and bugs that options select."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, read_text

# Label -> field of cpuinfo.
_LABELS = {
    "package": "physical id",
    "core": "core id",
    "cpu": "processor",
    "vendor": "vendor_id",
    "family": "cpu family",
    "model": "model",
    "model_name": "model name",
    "microcode": "microcode",
    "stepping": "stepping",
    "cachesize": "cache size",
}


class CPUInformation:
    """Reads `cpuinfo`; part of the collector `cpu`.

    Args:
        roots: where to read.
        flags, bugs: patterns of the flags and bugs to report, None for none.
    """

    def __init__(
        self, roots: Roots, flags: re.Pattern[str] | None, bugs: re.Pattern[str] | None
    ) -> None:
        self._path = f"{roots.proc}/cpuinfo"
        self._patterns = {"flag": flags, "bug": bugs}

    def families(self) -> Iterator[Family]:
        """Yield the description of each CPU, and flags and bugs of the first one."""
        cpus = list(_cpus(read_text(self._path)))
        info = GaugeFamily(
            "node_cpu_info", "CPU information from /proc/cpuinfo.", labels=tuple(_LABELS)
        )
        for cpu in cpus:
            info.add((cpu.get(field, "") for field in _LABELS.values()), 1)
        yield info
        for kind, pattern in self._patterns.items():
            if pattern is not None and cpus:
                yield _words(kind, cpus[0].get(f"{kind}s", "").split(), pattern)


def _words(kind: str, words: Iterable[str], pattern: re.Pattern[str]) -> Family:
    family = GaugeFamily(
        f"node_cpu_{kind}_info",
        f"The `{kind}s` field of CPU information from /proc/cpuinfo taken from the first core.",
        labels=(kind,),
    )
    for word in words:
        if pattern.search(word):
            family.add((word,), 1)
    return family


def _cpus(text: str) -> Iterator[Mapping[str, str]]:
    """Yield the fields of each CPU."""
    for paragraph in text.split("\n\n"):
        pairs = (line.partition(":") for line in paragraph.split("\n"))
        fields = {name.strip(): value.strip() for name, _, value in pairs}
        if "processor" in fields:
            yield fields
