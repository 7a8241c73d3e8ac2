"""The keys that the sections of all kinds of receivers share."""

from typing import ClassVar

from alerting.routing.files.http_config import HttpSection
from alerting.routing.files.values import FileSection
from model.quantities import YamlBool


class IntegrationSection(FileSection):
    """One entry of a `…_configs` list.

    Attributes:
        kind: the name of the list without `_configs`.
        send_resolved: whether resolved alerts are sent too.
    """

    kind: ClassVar[str] = ""
    send_resolved: YamlBool = True


class HttpIntegrationSection(IntegrationSection):
    """An entry whose receiver is reached over HTTP; without a section the global one holds."""

    http_config: HttpSection | None = None
