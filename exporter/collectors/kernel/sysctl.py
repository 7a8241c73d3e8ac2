"""Settings of the kernel that options select: `fs.file-nr:total,current,max`.

Source: sysctl(8).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from exporter.errors import NoDataError, OptionError
from exporter.families import Family, GaugeFamily, UntypedFamily
from exporter.pairs import pairs
from exporter.roots import Roots, read_text

_NAME = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9_*.-]*")
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_]")


class Setting(NamedTuple):
    """One setting: its name, and the names of its values, none if it has no such names."""

    name: str
    keys: tuple[str, ...]

    @classmethod
    def parse(cls, flag: str, text: str) -> "Setting":
        """Return the setting of `NAME` or `NAME:KEY,KEY`.

        Raises:
            OptionError: the text has another form.
        """
        name, colon, keys = text.partition(":")
        if not _NAME.fullmatch(name) or ".." in name or (colon and not all(keys.split(","))):
            raise OptionError(flag, f"{text!r} is not NAME or NAME:KEY,KEY")
        return cls(name, tuple(keys.split(",")) if colon else ())


class KernelSettings:
    """Reads `sys`.

    Args:
        roots: where to read.
        include: settings to report as numbers.
        include_info: settings to report as the text of a label.

    Raises:
        OptionError: a setting has another form than `NAME` or `NAME:KEY,KEY`.
    """

    name = "sysctl"

    def __init__(
        self, roots: Roots, include: Sequence[str] = (), include_info: Sequence[str] = ()
    ) -> None:
        self._directory = f"{roots.proc}/sys"
        flag = "--collector.sysctl.include"
        self._numbers = [Setting.parse(flag, text) for text in include]
        self._texts = [Setting.parse(f"{flag}-info", text) for text in include_info]

    def collect(self) -> Iterable[Family]:
        """Return one family per value, and the texts in one.

        Raises:
            NoDataError: no setting is selected.
            ValueError: a setting has another number of values, or no numbers.
        """
        if not self._numbers and not self._texts:
            raise NoDataError("--collector.sysctl.include selects no setting")
        info = GaugeFamily("node_sysctl_info", "sysctl info", labels=("name", "index", "value"))
        for setting in self._texts:
            for index, value in enumerate(self._values(setting)):
                index_or_key = setting.keys[index] if setting.keys else str(index)
                info.add((setting.name, index_or_key, value), 1)
        families = [family for one in self._numbers for family in self._families(one)]
        return [*families, info] if info else families

    def _families(self, setting: Setting) -> Iterator[Family]:
        values = self._values(setting)
        name = f"node_sysctl_{_NOT_IN_A_NAME.sub('_', setting.name)}"
        if setting.keys:
            for index, (key, value) in enumerate(pairs(setting.keys, values)):
                yield UntypedFamily(
                    f"{name}_{_NOT_IN_A_NAME.sub('_', key)}",
                    f"sysctl {setting.name}, field {index}",
                    int(value),
                )
        elif len(values) == 1:
            yield UntypedFamily(name, f"sysctl {setting.name}", int(values[0]))
        else:
            family = UntypedFamily(name, f"sysctl {setting.name}", labels=("index",))
            for index, value in enumerate(values):
                family.add((str(index),), int(value))
            yield family

    def _values(self, setting: Setting) -> list[str]:
        values = read_text(f"{self._directory}/{setting.name.replace('.', '/')}").split()
        if setting.keys and len(values) != len(setting.keys):
            raise ValueError(f"{setting.name} has {len(values)} values, not {len(setting.keys)}")
        return values
