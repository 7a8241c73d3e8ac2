"""An `alertmanager.yml` as the server uses it."""

from dataclasses import dataclass
from pathlib import Path

from alerting.errors import RoutingFileError
from alerting.routing.configuration import RoutingConfiguration
from alerting.routing.files.loader import load_routing_file
from alerting.templates.library import TemplateLibrary
from model.documents import parse_document

_UNSUPPORTED = frozenset({"jira", "sns", "wechat"})


@dataclass(frozen=True, slots=True)
class RoutingFile:
    """A file, its configuration and its templates."""

    path: Path
    configuration: RoutingConfiguration
    library: TemplateLibrary


def read_routing_file(path: Path) -> RoutingFile:
    """Return a file that the server can use; reads files.

    Raises:
        RoutingFileError: the file is invalid, or needs what Redshank cannot do.
    """
    configuration, library = load_routing_file(path)
    document = parse_document(configuration.original, str(path), plain_text=True)
    problems = []
    for number, receiver in enumerate(document.data.get("receivers") or ()):
        for key in receiver or ():
            if key.removesuffix("_configs") in _UNSUPPORTED and receiver[key]:
                line = document.line(("receivers", number, key))
                message = f"{key}: Redshank cannot send to these; use a webhook or Apprise"
                problems.append((line, message))
    for integrations in configuration.integrations.values():
        for each in integrations:
            http = getattr(each.section, "http_config", None)
            if http is not None and http.oauth2 is not None:
                problems.append((0, f"{each.name}: oauth2 is not supported; use authorization"))
    if problems:
        raise RoutingFileError(path, problems)
    return RoutingFile(path, configuration, library)
