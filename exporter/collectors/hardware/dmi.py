"""Vendor, model and serial numbers of the machine, as its firmware reports them (DMI)."""

from collections.abc import Iterable

from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, list_names, read_value

_ATTRIBUTES = (
    "bios_date",
    "bios_release",
    "bios_vendor",
    "bios_version",
    "board_asset_tag",
    "board_name",
    "board_serial",
    "board_vendor",
    "board_version",
    "chassis_asset_tag",
    "chassis_serial",
    "chassis_vendor",
    "chassis_version",
    "product_family",
    "product_name",
    "product_serial",
    "product_sku",
    "product_uuid",
    "product_version",
    "sys_vendor",
)


class MachineInformation:
    """Reads `class/dmi/id`; only root can read serial numbers."""

    name = "dmi"

    def __init__(self, roots: Roots) -> None:
        self._directory = f"{roots.sys}/class/dmi/id"

    def collect(self) -> Iterable[Family]:
        """Return node_dmi_info with a label for each readable attribute."""
        present = set(list_names(self._directory))
        values = {
            "system_vendor" if name == "sys_vendor" else name: value
            for name in _ATTRIBUTES
            if name in present and (value := read_value(f"{self._directory}/{name}")) is not None
        }
        if not values:
            raise NoDataError("the firmware has no DMI table")
        labels = ", ".join(name.replace("sys_", "system_") for name in _ATTRIBUTES)
        family = GaugeFamily(
            "node_dmi_info",
            f"A metric with a constant '1' value labeled by {labels} if provided by DMI.",
            labels=list(values),
        )
        family.add(list(values.values()), 1)
        return [family]
