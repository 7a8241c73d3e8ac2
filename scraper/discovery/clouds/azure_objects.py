"""The objects of Azure Resource Manager, reduced to what targets need.

Source: Microsoft documentation, "Azure REST API reference".
"""

from pydantic import Field, TypeAdapter

from scraper.discovery.engine.api import ApiObject


class AzurePage(ApiObject):
    """A page of a list."""

    next_link: str = Field("", alias="nextLink")


class _InterfaceReference(ApiObject):
    id: str = ""


class _NetworkProfile(ApiObject):
    interfaces: tuple[_InterfaceReference, ...] = Field((), alias="networkInterfaces")


class _OsProfile(ApiObject):
    computer_name: str = Field("", alias="computerName")


class _Disk(ApiObject):
    os_type: str = Field("", alias="osType")


class _StorageProfile(ApiObject):
    disk: _Disk = Field(_Disk(), alias="osDisk")


class _HardwareProfile(ApiObject):
    size: str = Field("", alias="vmSize")


class _Properties(ApiObject):
    network: _NetworkProfile = Field(_NetworkProfile(), alias="networkProfile")
    os: _OsProfile = Field(_OsProfile(), alias="osProfile")
    storage: _StorageProfile = Field(_StorageProfile(), alias="storageProfile")
    hardware: _HardwareProfile = Field(_HardwareProfile(), alias="hardwareProfile")


class AzureMachine(ApiObject):
    """A virtual machine.

    Attributes:
        instance_id: its number in its scale set.
    """

    id: str
    name: str = ""
    location: str = ""
    tags: dict[str, str] = Field({})
    properties: _Properties = _Properties()
    instance_id: str = Field("", alias="instanceId")

    @property
    def interface_ids(self) -> list[str]:
        """The identifiers of its network interfaces."""
        return [each.id for each in self.properties.network.interfaces]


class _Machines(AzurePage):
    value: tuple[AzureMachine, ...] = ()


class _ScaleSet(ApiObject):
    id: str
    name: str


class _ScaleSets(AzurePage):
    value: tuple[_ScaleSet, ...] = ()


class _PublicProperties(ApiObject):
    address: str = Field("", alias="ipAddress")


class _PublicAddress(ApiObject):
    properties: _PublicProperties = _PublicProperties()


class _IpProperties(ApiObject):
    private: str = Field("", alias="privateIPAddress")
    public_address: _PublicAddress = Field(_PublicAddress(), alias="publicIPAddress")

    @property
    def public(self) -> str:
        """The public address, "" if there is none."""
        return self.public_address.properties.address


class _IpConfiguration(ApiObject):
    properties: _IpProperties = _IpProperties()


class _InterfaceProperties(ApiObject):
    primary: bool | None = None
    configurations: tuple[_IpConfiguration, ...] = Field((), alias="ipConfigurations")


class AzureInterface(ApiObject):
    """A network interface."""

    properties: _InterfaceProperties = _InterfaceProperties()

    def first_address(self) -> _IpProperties:
        """Return the first address, an empty one if there is none."""
        configurations = self.properties.configurations
        return configurations[0].properties if configurations else _IpProperties()


MACHINES = TypeAdapter(_Machines)
SCALE_SETS = TypeAdapter(_ScaleSets)
INTERFACE = TypeAdapter(AzureInterface)
